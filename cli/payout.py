"""`python -m cli payout`: act on one payment that is not final, a sweep's or a withdrawal's."""

import os
from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

import click
from sqlalchemy.orm import Session

from cli.listing import Listed
from domain.actor import Actor
from services import payouts
from wiring.container import build_container
from wiring.embedded.services import provided
from wiring.settings import read_settings

BY: Final = Actor("cli")


@click.group(cls=Listed)
def payout() -> None:
    """Act on one payment that waits for a block. Its id is among the steps of its flow, as payout id."""


@payout.command()
@click.argument("payout_id", type=click.UUID)
def retry(payout_id: UUID) -> None:
    """Offer the very same bytes to the network again."""
    _act(lambda session, now: payouts.retry(session, payout_id, now=now, by=BY))
    click.echo("it is offered again")


@payout.command()
@click.argument("payout_id", type=click.UUID)
def bump(payout_id: UUID) -> None:
    """Raise its network fee, within the cap."""
    _act(lambda session, now: payouts.ask_for_bump(session, payout_id, now=now, by=BY))
    click.echo("a dearer form is signed within seconds; its flow tells")


@payout.command()
@click.argument("payout_id", type=click.UUID)
def cancel(payout_id: UUID) -> None:
    """Replace it by a payment of nothing, on a chain of accounts. A block decides which of the two is first."""
    _act(lambda session, now: payouts.ask_for_cancel(session, payout_id, now=now, by=BY))
    click.echo("a payment of nothing is signed within seconds; its flow tells")


@payout.command("book-return")
@click.argument("payout_id", type=click.UUID)
def book_return(payout_id: UUID) -> None:
    """Give back what a payment took of which its provider says that it came back, once; or undo how it was settled."""
    _act(lambda session, now: payouts.book_return(session, payout_id, now=now, by=BY))
    click.echo("whoever bore it has that again")


@payout.command()
@click.argument("payout_id", type=click.UUID)
def recover(payout_id: UUID) -> None:
    """Take from its owner what a payment took that had failed, and of which its provider says that it was made."""
    _act(lambda session, now: payouts.recover(session, payout_id, now=now, by=BY))
    click.echo("its owner bears it: amount and fee were taken from their balance")


@payout.command("book-as-lost")
@click.argument("payout_id", type=click.UUID)
def book_as_lost(payout_id: UUID) -> None:
    """Have suspense carry such a payment, and propose to book it as lost."""
    _act(lambda session, now: payouts.book_as_lost(session, payout_id, now=now, by=BY))
    click.echo("it is proposed; an approver agrees to it on /operator/losses")


@payout.command("never-made")
@click.argument("payout_id", type=click.UUID)
def never_made(payout_id: UUID) -> None:
    """Say that an uncertain payment is none of its provider's, or agree. This command line is one voice of the two."""
    _act(lambda session, now: payouts.say_never_made(session, payout_id, now=now, by=BY))
    click.echo("once two have said so, its provider is asked; its flow tells")


@payout.command("it-is")
@click.argument("payout_id", type=click.UUID)
@click.argument("provider_id")
def it_is(payout_id: UUID, provider_id: str) -> None:
    """Say which of its provider's payments an uncertain one is. It is, if amount and destination are the same."""
    _act(lambda session, now: payouts.say_it_is(session, payout_id, provider_id=provider_id, now=now, by=BY))
    click.echo("its provider is asked about that one; its flow tells")


def _act(work: Callable[[Session, datetime], object]) -> None:
    with provided(read_settings(os.environ), "postgres") as settings:
        container = build_container(settings)
        try:
            with container.transaction() as session:
                work(session, container.now())
        finally:
            container.engine.dispose()

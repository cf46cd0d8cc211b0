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
    """Broadcast the same signed payment again."""
    _act(lambda session, now: payouts.retry(session, payout_id, now=now, by=BY))
    click.echo("it is broadcast again")


@payout.command()
@click.argument("payout_id", type=click.UUID)
def bump(payout_id: UUID) -> None:
    """Raise its network fee, within the cap."""
    _act(lambda session, now: payouts.ask_for_bump(session, payout_id, now=now, by=BY))
    click.echo("a version with a higher fee is signed within seconds; see its flow")


@payout.command()
@click.argument("payout_id", type=click.UUID)
def cancel(payout_id: UUID) -> None:
    """Replace it with an empty payment, on an account-based chain. Whichever is mined first counts."""
    _act(lambda session, now: payouts.ask_for_cancel(session, payout_id, now=now, by=BY))
    click.echo("an empty payment is signed within seconds; see its flow")


@payout.command("book-return")
@click.argument("payout_id", type=click.UUID)
def book_return(payout_id: UUID) -> None:
    """Refund a completed payment that its provider reports as returned, once; or undo a settlement."""
    _act(lambda session, now: payouts.book_return(session, payout_id, now=now, by=BY))
    click.echo("booked: whoever was charged for it has the amount back")


@payout.command()
@click.argument("payout_id", type=click.UUID)
def recover(payout_id: UUID) -> None:
    """Charge its owner for a failed payment that its provider reports as made."""
    _act(lambda session, now: payouts.recover(session, payout_id, now=now, by=BY))
    click.echo("amount and fee were charged to its owner's balance")


@payout.command("book-as-lost")
@click.argument("payout_id", type=click.UUID)
def book_as_lost(payout_id: UUID) -> None:
    """Let suspense carry a failed payment that was made after all, and propose it as a loss."""
    _act(lambda session, now: payouts.book_as_lost(session, payout_id, now=now, by=BY))
    click.echo("it is proposed; an approver agrees to it on /operator/losses")


@payout.command("never-made")
@click.argument("payout_id", type=click.UUID)
def never_made(payout_id: UUID) -> None:
    """State or confirm that an uncertain payment was never made. The command line is one of two operators."""
    _act(lambda session, now: payouts.say_never_made(session, payout_id, now=now, by=BY))
    click.echo("once two operators have stated it, its provider is asked; see its flow")


@payout.command("it-is")
@click.argument("payout_id", type=click.UUID)
@click.argument("provider_id")
def it_is(payout_id: UUID, provider_id: str) -> None:
    """Match an uncertain payment with the provider's PROVIDER_ID; amount and destination must agree."""
    _act(lambda session, now: payouts.say_it_is(session, payout_id, provider_id=provider_id, now=now, by=BY))
    click.echo("its provider is asked about that payment; see its flow")


def _act(work: Callable[[Session, datetime], object]) -> None:
    with provided(read_settings(os.environ), "postgres") as settings:
        container = build_container(settings)
        try:
            with container.transaction() as session:
                work(session, container.now())
        finally:
            container.engine.dispose()

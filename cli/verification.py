"""`python -m cli verification`: look at claimed payments, decide them again, and say where they are received."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

import click

from cli.listing import Listed
from domain.actor import Actor
from domain.claim_reading import Reading
from domain.flows import VERIFICATION
from domain.money import format_amount, parse_amount
from domain.rails import RAILS
from models.verification import PaymentVerification
from services import assets, verifications
from wiring.container import Container, build_container
from wiring.embedded.services import provided
from wiring.settings import read_settings

BY: Final = Actor("cli")


@click.group(cls=Listed)
def verification() -> None:
    """Show and decide payment claims."""


@verification.command(name="list")
@click.option("--state", type=click.Choice(list(VERIFICATION.states)), default=None, help="Only these.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
def list_(state: str | None, limit: int) -> None:
    """List claims, newest first."""
    with _container() as container, container.reading() as session:
        rows = verifications.listed(session, state=state, limit=limit)
        for row in rows:
            click.echo(_line(row))
        if not rows:
            click.echo(f"Nothing is {state}." if state else "Nothing was claimed yet.")


@verification.command()
@click.argument("verification_id", type=click.UUID)
def show(verification_id: UUID) -> None:
    """Show a claim and the evidence of the last look at its chain."""
    with _container() as container, container.reading() as session:
        row = verifications.one(session, verification_id)
        decimals = assets.get(session, row.asset_id).decimals
        click.echo(_line(row))
        claimed = "whatever arrived" if row.amount_minor is None else format_amount(row.amount_minor, decimals)
        click.echo(f"  claimed {claimed} {row.asset_id} to {row.recipient}; reference {row.reference}")
        click.echo(f"  correlation id {row.correlation_id}")
        for one in verifications.exchanges_of(session, row.id):
            click.echo(f"  {one.asked_at:%Y-%m-%d %H:%M:%S}  {one.provider}  {one.duration_ms} ms  {one.request}")
            click.echo(f"    {one.failure or one.answer}")


@verification.command()
@click.argument("verification_id", type=click.UUID)
@click.option("--apply", "carry_out", is_flag=True, help="Make it the decision, if it is another one.")
def replay(verification_id: UUID, carry_out: bool) -> None:  # noqa: FBT001 - click passes flags by position
    """Decide again from the stored evidence, without network calls, and show the difference."""
    with _container() as container:
        with container.reading() as session:
            row = verifications.one(session, verification_id)
            question = verifications.question_of(session, row)
            evidence = verifications.exchanges_of(session, row.id)
        reader = container.verifiers.get(row.chain)
        reading = reader.reread(question, evidence) if reader else Reading(None, "not_configured", ())
        with container.transaction() as session:
            found = verifications.replayed(
                session, verification_id, reading, now=container.now(), by=BY, carry_out=carry_out
            )
    click.echo(f"was   {_told(found.state, found.reason)}")
    click.echo(f"is    {_told(found.decision.state, found.decision.reason)}")
    click.echo(f"from {len(evidence)} stored answers: {'it differs' if found.differs else 'no difference'}")


@verification.command()
@click.argument("address", required=False)
@click.option("--chain", type=click.Choice(sorted(RAILS)), metavar="CHAIN", help="The chain of ADDRESS.")
@click.option("--app", "client_id", default=None, help="The client id of the app whose own address it is.")
def receive(address: str | None, chain: str | None, client_id: str | None) -> None:
    """Have payments to ADDRESS be claimed: the house's own hot wallet, or an app's. Without ADDRESS, list them."""
    with _container() as container, container.transaction() as session:
        if address is not None:
            if chain is None:
                raise click.UsageError("name the address's chain with --chain")
            verifications.add_address(session, chain, address, client_id=client_id, now=container.now(), by=BY)
        session.flush()
        known = verifications.addresses_of(session)
        if not known:
            click.echo("No address is known yet at which payments are claimed.")
        for row in known:
            click.echo(f"{row.chain:<18} {row.address}  {row.client_id or 'the house'}")


@verification.command()
@click.argument("asset_id", metavar="ASSET")
@click.option("--tolerance", default=None, help="How far the amount may be off, in whole units.")
@click.option("--age", "age_max_s", type=click.IntRange(1), default=None, help="How old a payment may be, in seconds.")
@click.option("--confirmations", type=click.IntRange(1), default=None, help="How deep it has to be.")
def rule(asset_id: str, tolerance: str | None, age_max_s: int | None, confirmations: int | None) -> None:
    """Set the rule for claimed payments of ASSET; options left out use the default."""
    with _container() as container, container.transaction() as session:
        decimals = assets.get(session, asset_id).decimals
        tolerance_minor = None if tolerance is None else _tolerance_minor(tolerance, decimals)
        verifications.set_rule(
            session,
            asset_id,
            tolerance_minor=tolerance_minor,
            age_max_s=age_max_s,
            confirmations=confirmations,
            now=container.now(),
            by=BY,
        )
        click.echo(f"{asset_id}: set")


def _tolerance_minor(text: str, decimals: int) -> int:
    return 0 if text == "0" else parse_amount(text, decimals, field="tolerance")


@contextmanager
def _container() -> Iterator[Container]:
    with provided(read_settings(os.environ), "postgres") as settings:
        container = build_container(settings)
        try:
            yield container
        finally:
            container.engine.dispose()


def _line(row: PaymentVerification) -> str:
    return (
        f"{row.id}  {row.requested_at:%Y-%m-%d %H:%M:%S}  {_told(row.state, row.reason):<30} "
        f"{row.asset_id:<14} {row.chain} {row.tx_hash}"
    )


def _told(state: str, reason: str | None) -> str:
    return f"{state} ({reason})" if reason else state

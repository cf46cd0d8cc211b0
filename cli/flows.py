"""`python -m cli flows`: list movements of money, or show one with all its events."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import click
from sqlalchemy.orm import Session

from cli.listing import Listed
from domain.money import format_amount
from models.flow import Flow
from services import assets, evidence
from services import flows as flows_
from wiring.container import build_container
from wiring.embedded.services import provided
from wiring.settings import read_settings

LISTED_MAX: Final = 1000


@click.group(cls=Listed)
def flows() -> None:
    """Look at deposits, withdrawals and every other movement of money."""


@flows.command(name="list")
@click.option("--open", "only_open", is_flag=True, help="Only those that are not finished.")
@click.option("--limit", type=click.IntRange(1, LISTED_MAX), default=20, show_default=True, help="How many.")
def list_(only_open: bool, limit: int) -> None:  # noqa: FBT001 - click passes flags by position
    """List flows, newest first: short id, kind, state, for how long, amount."""
    with _reading() as (session, now):
        query = flows_.newest(user_id=None, before=None, limit=limit)
        if only_open:
            query = query.where(Flow.closed_at.is_(None))
        found = session.scalars(query).all()
        for flow in found:
            click.echo(_line(session, flow, now))
        if not found:
            click.echo("Nothing is under way." if only_open else "Nothing has moved yet.")


@flows.command()
@click.argument("reference")
def show(reference: str) -> None:
    """Show the flow REFERENCE (its id or short id): what happened when, by whom, and what it moved in the ledger."""
    with _reading() as (session, now):
        found = evidence.of_flow(session, flows_.find(session, reference, user_id=None))
        click.echo(_line(session, found.flow, now))
        click.echo(f"id {found.flow.group_id}")
        before = found.flow.opened_at
        for event in found.events:
            waited = (event.at - before).total_seconds()
            click.echo(f"  {_moment(event.at)}  +{waited:9.2f} s  {event.state:<18} {event.actor}{_told(event.detail)}")
            before = event.at
        for moved in found.transfers:
            amount = format_amount(moved.amount_minor, assets.get(session, moved.asset_id).decimals)
            click.echo(
                f"  {_moment(moved.recorded_at)}  transfer {moved.transfer_id}: {amount} {moved.asset_id} "
                f"{moved.debit_code} → {moved.credit_code} ({moved.kind}, {moved.phase})"
            )
        for form in found.forms:
            click.echo(f"  on chain: {form.txid}")
        if found.deposit is not None:
            click.echo(f"  on chain: {found.deposit.txid}")


@contextmanager
def _reading() -> Iterator[tuple[Session, datetime]]:
    with provided(read_settings(os.environ), "postgres") as settings:
        container = build_container(settings)
        try:
            with container.reading() as session:
                yield session, container.now()
        finally:
            container.engine.dispose()


def _line(session: Session, flow: Flow, now: datetime) -> str:
    amount = format_amount(flow.amount_minor, assets.get(session, flow.asset_id).decimals)
    lasted = ((flow.closed_at or now) - flow.state_since).total_seconds()
    state = flow.state if flow.closed_at else f"{flow.state} for {lasted:.0f} s"
    return f"{flow.short_id}  {_moment(flow.opened_at)}  {flow.kind:<12} {state:<28} {amount} {flow.asset_id}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _told(detail: Mapping[str, Any]) -> str:
    return f"  {json.dumps(detail, sort_keys=True)}" if detail else ""

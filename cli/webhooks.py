"""`python -m cli webhooks`: look at what is told to others, and send it again."""

from datetime import UTC, datetime
from uuid import UUID

import click
from sqlalchemy.orm import Session

from cli.listing import Listed
from cli.transaction import transaction
from domain.actor import Actor
from models.webhook_out import WebhookEndpoint
from services import webhooks_out
from services.webhooks_out import Owner

BY = Actor("cli")


@click.group(cls=Listed)
def webhooks() -> None:
    """Show outgoing webhooks, and redeliver messages."""


@webhooks.command(name="list")
def every() -> None:
    """List all endpoints with their state."""
    with transaction() as (session, _):
        endpoints = webhooks_out.every(session)
        if not endpoints:
            click.echo("Nobody is told anything: endpoints are made at /developer/webhooks or /operator/webhooks.")
        for row in endpoints:
            of = "app" if row.client_id else "user" if row.user_id else "house"
            click.echo(f"{row.id}  {of:5}  {_standing(row)}  {row.url}  {' '.join(row.kinds)}")


@webhooks.command()
@click.argument("endpoint", type=click.UUID)
@click.option("--limit", default=20, type=click.IntRange(1, 1000), show_default=True, help="How many.")
def log(endpoint: UUID, limit: int) -> None:
    """List the messages to ENDPOINT, newest first, with its last answers."""
    with transaction() as (session, _):
        rows = webhooks_out.deliveries(session, _owner(session, endpoint), endpoint, limit=limit)
        attempts = webhooks_out.attempts_of(session, [row.id for row in rows])
        if not rows:
            click.echo("It was sent nothing yet.")
        for row in rows:
            last = attempts[row.id][-1] if attempts[row.id] else None
            answer = "" if last is None else f"{last.status or last.error}, {last.duration_ms} ms"
            click.echo(f"{row.occurred_at:%Y-%m-%d %H:%M:%S}  {row.event_id}  {row.event_type}  {row.state}  {answer}")


@webhooks.command()
@click.argument("endpoint", type=click.UUID)
@click.option("--since", required=True, type=click.DateTime(), help="In UTC.")
@click.option("--everything", is_flag=True, help="Also messages that were delivered.")
def redeliver(endpoint: UUID, since: datetime, *, everything: bool) -> None:
    """Redeliver the messages to ENDPOINT that were given up since a time."""
    with transaction() as (session, now):
        count = webhooks_out.redeliver_since(
            session, _owner(session, endpoint), endpoint, since=since.replace(tzinfo=UTC), only_failed=not everything,
            now=now, by=BY,
        )  # fmt: skip
    click.echo(f"{count} sent again")


@webhooks.command()
@click.argument("endpoint", type=click.UUID)
def enable(endpoint: UUID) -> None:
    """Enable ENDPOINT."""
    with transaction() as (session, now):
        webhooks_out.enable(session, _owner(session, endpoint), endpoint, now=now, by=BY)


@webhooks.command()
@click.argument("endpoint", type=click.UUID)
def disable(endpoint: UUID) -> None:
    """Disable ENDPOINT: it receives nothing until it is enabled."""
    with transaction() as (session, now):
        webhooks_out.disable(session, _owner(session, endpoint), endpoint, now=now, by=BY)


def _owner(session: Session, endpoint_id: UUID) -> Owner:
    """The endpoint's owner. Raises WebhookEndpointNotFound."""
    row = session.get(WebhookEndpoint, endpoint_id)
    if row is None:
        raise webhooks_out.WebhookEndpointNotFound
    return Owner(row.user_id)


def _standing(row: WebhookEndpoint) -> str:
    if row.disabled_because is not None:
        return f"disabled ({row.disabled_because})"
    return f"failing ({row.failures})" if row.failing_since else "told"

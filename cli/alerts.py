"""`python -m cli alerts`: what is wrong, who looks after it, and what is silenced."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import click
from sqlalchemy.orm import Session

from cli.listing import Listed
from cli.transaction import transaction
from domain.actor import Actor
from domain.alert_rules import RULES
from services.alerts import dossier, handling, pausing

BY: Final = Actor("cli")
HOURS_MAX: Final = 720
HOUR: Final = timedelta(hours=1)
NOTE_LENGTH_MAX: Final = 500


@click.group(cls=Listed)
def alerts() -> None:
    """Show alerts and what to do about them; acknowledge, silence, settle or pause them."""


@alerts.command(name="list")
def standing() -> None:
    """List standing alerts, newest first, with who acknowledged them, and silences."""
    with transaction() as (session, now):
        _say_if_paused(session, now)
        overview = handling.overview(session, now=now)
        for found in overview:
            row, said = found.row, found.acknowledged
            click.echo(f"{_moment(row.raised_at)}  {row.severity:<8}  {row.alert_code}  {row.service_scope}")
            click.echo(f"    {row.reason}")
            if said is not None:
                click.echo(f"    acknowledged by {said.acknowledged_by}: {said.note}")
            if found.silenced_until is not None:
                click.echo(f"    silenced until {_moment(found.silenced_until)}")
        if not overview:
            click.echo("No alert stands.")
        for silence_ in handling.in_force(session, now=now):
            scope = silence_.service_scope or "everywhere"
            click.echo(f"silence {silence_.id}  {silence_.alert_code}  {scope}  until {_moment(silence_.ends_at)}")


@alerts.command()
@click.argument("code")
@click.argument("scope")
def show(code: str, scope: str) -> None:
    """Show the alert CODE of SCOPE: meaning, history, comments, and whose money it concerns."""
    with transaction() as (session, now):
        found = dossier.of_name(session, code, scope, now=now)
        click.echo(f"{found.newest.fingerprint} {'stands' if found.stands else 'is over'}")
        if found.rule is not None:
            click.echo(f"{found.rule.meaning}\n{found.rule.cause}\n{found.rule.what_to_do}")
        for flow in found.flows:
            click.echo(f"flow {flow.short_id}: {flow.kind}, {flow.state}")
        for row in found.transitions:
            click.echo(f"  {_moment(row.recorded_at)}  {row.status:<7}  {row.severity:<8}  {row.reason}")
        for line in found.said:
            told = line.detail.get("note") or line.detail.get("reason") or ""
            click.echo(f"  {_moment(line.at)}  {line.event.removeprefix('alert.')} by {line.actor}: {told}")


@alerts.command()
@click.argument("code")
@click.argument("scope")
@click.option("--note", default="", help="Kept on record.")
def ack(code: str, scope: str, note: str) -> None:
    """Acknowledge the alert CODE of SCOPE, until it is raised again."""
    with transaction() as (session, now):
        handling.acknowledge(session, code, scope, note=_said(note), now=now, by=BY)


@alerts.command()
@click.argument("code")
@click.argument("scope")
@click.argument("note")
def settle(code: str, scope: str, note: str) -> None:
    """End the alert CODE of SCOPE, which nothing else ends; NOTE says how it was settled."""
    with transaction() as (session, now):
        handling.settle(session, code, scope, note=_said(note), now=now, by=BY)


@alerts.command()
@click.argument("code", type=click.Choice(sorted(RULES)), metavar="CODE")
@click.argument("scope", required=False)
@click.option("--hours", default=8, type=click.IntRange(1, HOURS_MAX), show_default=True, help="For how long.")
@click.option("--reason", required=True, help="Kept on record.")
def silence(code: str, scope: str | None, hours: int, reason: str) -> None:
    """Silence CODE, or only SCOPE of it. It is still evaluated and shown.

    `alerts rules` has every CODE.
    """
    with transaction() as (session, now):
        until = now + timedelta(hours=hours)
        click.echo(handling.silence(session, code, scope, until=until, reason=_said(reason), now=now, by=BY).id)


@alerts.command()
@click.argument("silence_id", type=click.UUID)
def unsilence(silence_id: UUID) -> None:
    """End the silence SILENCE_ID before its time."""
    with transaction() as (session, now):
        handling.end_silence(session, silence_id, now=now, by=BY)


@alerts.command()
@click.argument("code", type=click.Choice(sorted(RULES)), metavar="[CODE]", required=False)
def rules(code: str | None) -> None:
    """List the rules and when each was last evaluated, or all about CODE."""
    with transaction() as (session, now):
        _say_if_paused(session, now)
        looked = handling.evaluations(session)
        for rule in [RULES[code]] if code else RULES.values():
            last = looked.get(rule.code)
            when = f"{last.outcome} at {_moment(last.evaluated_at)}" if last else "not looked at yet"
            click.echo(f"{rule.code:<34}{rule.severity:<10}{when if rule.is_evaluated else 'raised in code'}")
            if code:
                click.echo(f"{rule.meaning}\n{rule.cause}\n{rule.what_to_do}\nscope {rule.scope}")


@alerts.command()
@click.option(
    "--hours", default=1, type=click.IntRange(1, int(pausing.PAUSE_MAX / HOUR)), show_default=True, help="For how long."
)
@click.option("--reason", required=True, help="Kept on record.")
def pause(hours: int, reason: str) -> None:
    """Pause alert evaluation: no rule raises or clears an alert; a critical alert shows the pause."""
    with transaction() as (session, now):
        pausing.pause(session, until=now + hours * HOUR, reason=_said(reason), now=now, by=BY)
        _say_if_paused(session, now)


@alerts.command()
def resume() -> None:
    """Resume alert evaluation at once."""
    with transaction() as (session, now):
        pausing.resume(session, now=now, by=BY)


def _say_if_paused(session: Session, now: datetime) -> None:
    found = pausing.current(session, now=now)
    if found is not None:
        click.echo(
            f"PAUSED: nobody looks for alerts until {_moment(found.ends_at)} ({found.paused_by}: {found.reason})"
        )


def _said(text: str) -> str:
    if len(text) > NOTE_LENGTH_MAX or not text.isprintable():
        raise click.ClickException(f"the text is longer than {NOTE_LENGTH_MAX} characters or contains unprintable ones")
    return text


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")

"""Pause the evaluation of alert rules: for a day at most, and with an alert that stands for as long as it lasts.

No rule is evaluated meanwhile, so nothing that rules find is raised or cleared. Alerts that are raised where the
condition is noticed go on: it happens once, and would be lost.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.alert_rules import RULES
from models.alert_state import AlertPause, AlertState
from services import audit
from services.alerts import transitions

CODE: Final = "alerts_paused"
SCOPE: Final = "rules:all"
PAUSE_MAX: Final = timedelta(days=1)

_ALONE: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('alerts_paused', 1))")
_TOGETHER: Final = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('alerts_paused', 1))")


def current(session: Session, *, now: datetime) -> AlertPause | None:
    """The pause in force."""
    return session.scalars(select(AlertPause).where(AlertPause.ends_at > now)).one_or_none()


def last(session: Session) -> AlertPause | None:
    """The pause in force, or one that is over and has not been ended yet."""
    return session.scalars(select(AlertPause)).one_or_none()


def is_paused(session: Session, *, now: datetime) -> bool:
    """Whether rules are paused. If not, no pause can begin before this transaction ends."""
    session.execute(_TOGETHER)
    return current(session, now=now) is not None


def pause(session: Session, *, until: datetime, reason: str, now: datetime, by: Actor) -> AlertPause:
    """Evaluate no rule until then; a second call starts the time anew.

    Once this is committed, no evaluation that began before is under way.
    """
    session.execute(_ALONE)
    values = {"paused_at": now, "ends_at": until, "paused_by": by.name, "reason": reason}
    row = session.scalars(
        insert(AlertPause)
        .values(**values)
        .on_conflict_do_update(index_elements=["single"], set_=values)
        .returning(AlertPause),
        execution_options={"populate_existing": True},
    ).one()
    # An alert that was about to clear must be good for its whole time again: meanwhile nobody knows.
    session.execute(update(AlertState).where(AlertState.state == "recovering").values(state="firing", since=now))
    _tell(session, row, now=now)
    detail = {"until": until.isoformat(), "reason": reason}
    audit.record(session, "alerts.paused", by=by, now=now, detail=detail)
    return row


def resume(session: Session, *, now: datetime, by: Actor) -> None:
    """Evaluate rules again from now on; nothing happens if they are not paused."""
    session.execute(_ALONE)
    row = last(session)
    if row is not None:
        _end(session, row, now=now, by=by)


def end_when_over(session: Session, *, now: datetime, by: Actor) -> None:
    """End a pause whose time is over, unless it was prolonged meanwhile."""
    session.execute(_ALONE)
    row = last(session)
    if row is not None and row.ends_at <= now:
        _end(session, row, now=now, by=by)


def _end(session: Session, row: AlertPause, *, now: datetime, by: Actor) -> None:
    session.delete(row)
    transitions.clear(session, CODE, scope=SCOPE, now=now, reason="alerts are looked for again")
    detail = {"paused_by": row.paused_by, "ended_by_itself": row.ends_at <= now}
    audit.record(session, "alerts.resumed", by=by, now=now, detail=detail)


def _tell(session: Session, row: AlertPause, *, now: datetime) -> None:
    transitions.clear(session, CODE, scope=SCOPE, now=now, reason="it was said anew")
    transitions.raise_alert(
        session,
        CODE,
        scope=SCOPE,
        severity=RULES[CODE].severity,
        reason=f"nobody looks for alerts until {row.ends_at:%Y-%m-%d %H:%M} UTC: {row.reason}",
        now=now,
        details={"until": row.ends_at.isoformat(), "paused_by": row.paused_by},
    )

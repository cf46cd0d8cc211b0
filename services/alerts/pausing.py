"""Have nobody look for alerts for a while: never for longer than a day, and told for as long as it is so.

While it lasts no rule is looked at, so nothing of what rules find is raised or cleared. What is noticed where it
happens is told all the same: it happens once, and would be lost.
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
    """The pause that holds now."""
    return session.scalars(select(AlertPause).where(AlertPause.ends_at > now)).one_or_none()


def last(session: Session) -> AlertPause | None:
    """The pause that holds, or one that is over and was not ended yet."""
    return session.scalars(select(AlertPause)).one_or_none()


def is_paused(session: Session, *, now: datetime) -> bool:
    """Whether no rule may be looked at; who may, may until this transaction ends, for a pause waits so long."""
    session.execute(_TOGETHER)
    return current(session, now=now) is not None


def pause(session: Session, *, until: datetime, reason: str, now: datetime, by: Actor) -> AlertPause:
    """Look for nothing until then, at most a day; said again, it counts anew.

    When this is committed, no look that began before is under way.
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
    # What was about to end has to be good for its whole time again: meanwhile nobody knows.
    session.execute(update(AlertState).where(AlertState.state == "recovering").values(state="firing", since=now))
    _tell(session, row, now=now)
    detail = {"until": until.isoformat(), "reason": reason}
    audit.record(session, "alerts.paused", by=by, now=now, detail=detail)
    return row


def resume(session: Session, *, now: datetime, by: Actor) -> None:
    """Look again from now on, if nobody was to."""
    session.execute(_ALONE)
    row = last(session)
    if row is not None:
        _end(session, row, now=now, by=by)


def end_when_over(session: Session, *, now: datetime, by: Actor) -> None:
    """End a pause whose time is over; one that was said anew meanwhile goes on."""
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

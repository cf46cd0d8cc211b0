"""What operators say about alerts: that they look after one, that one was dealt with, or that one is to wake nobody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.alert_rules import RULES
from domain.errors import StrongroomError
from domain.ids import new_id
from models.alert import OpsAlert
from models.alert_state import AlertAcknowledgement, AlertEvaluation, AlertSilence, AlertState
from services import audit
from services.alerts import transitions

HISTORY_MAX: Final = 200


class UnknownAlert(StrongroomError):
    """No such alert stands, or no such silence is in force."""

    code: ClassVar[str] = "unknown_alert"


class EndsByItself(StrongroomError):
    """The alert ends when its cause does; nobody can end it by hand."""

    code: ClassVar[str] = "alert_ends_by_itself"


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert that stands, who looks after it, and until when it is silenced."""

    row: OpsAlert
    acknowledged: AlertAcknowledgement | None
    silenced_until: datetime | None


def overview(session: Session, *, now: datetime) -> Sequence[Standing]:
    """Every alert that stands now, newest first, with what was said about it."""
    rows = transitions.standing(session)
    said = {row.fingerprint: row for row in session.scalars(select(AlertAcknowledgement))}
    silences = in_force(session, now=now)
    return [Standing(row, _of_this_raising(said.get(row.fingerprint), row), _until(silences, row)) for row in rows]


def history(session: Session, *, before: int | None, limit: int) -> Sequence[OpsAlert]:
    """Transitions, newest first, older than the one with this number."""
    query = select(OpsAlert).order_by(OpsAlert.seq.desc()).limit(min(limit, HISTORY_MAX))
    return session.scalars(query if before is None else query.where(OpsAlert.seq < before)).all()


def evaluations(session: Session) -> dict[str, AlertEvaluation]:
    """When each rule was last evaluated, by its code."""
    return {row.alert_code: row for row in session.scalars(select(AlertEvaluation))}


def looked_at(session: Session) -> dict[str, datetime]:
    """When each alert that is evaluated and not normal was last evaluated, by its fingerprint."""
    return {
        row.fingerprint: row.looked_at for row in session.execute(select(AlertState.fingerprint, AlertState.looked_at))
    }


def acknowledgement(session: Session, raised: OpsAlert) -> AlertAcknowledgement | None:
    """Who looks after an alert since it was last raised."""
    return _of_this_raising(session.get(AlertAcknowledgement, raised.fingerprint), raised)


def covers(silence_: AlertSilence, row: OpsAlert) -> bool:
    """Whether a silence is about this alert."""
    return silence_.alert_code == row.alert_code and silence_.service_scope in {None, row.service_scope}


def acknowledge(session: Session, code: str, scope: str, *, note: str, now: datetime, by: Actor) -> None:
    """Record that an operator looks after a standing alert, until it is raised anew. Raises UnknownAlert."""
    fingerprint = f"{code}:{scope}"
    found = next((row for row in transitions.standing(session) if row.fingerprint == fingerprint), None)
    if found is None:
        raise UnknownAlert
    values = {"raised_at": found.raised_at, "acknowledged_at": now, "acknowledged_by": by.name, "note": note}
    session.execute(
        insert(AlertAcknowledgement)
        .values(fingerprint=fingerprint, **values)
        .on_conflict_do_update(index_elements=["fingerprint"], set_=values)
    )
    audit.record(session, "alert.acknowledged", by=by, now=now, detail={"alert": fingerprint, "note": note})


def settle(session: Session, code: str, scope: str, *, note: str, now: datetime, by: Actor) -> None:
    """End a standing alert that an operator dealt with. Raises UnknownAlert, EndsByItself."""
    rule = RULES.get(code)
    if rule is not None and not rule.ends_by_word(scope):
        raise EndsByItself
    if not transitions.clear(
        session, code, scope=scope, now=now, reason=f"settled by {by.name.replace(':', ' ')}: {note}"
    ):
        raise UnknownAlert
    # If the condition still holds, the next evaluation starts afresh and raises it again.
    session.execute(delete(AlertState).where(AlertState.fingerprint == f"{code}:{scope}"))
    audit.record(session, "alert.settled", by=by, now=now, detail={"alert": f"{code}:{scope}", "note": note})


def silence(
    session: Session, code: str, scope: str | None, *, until: datetime, reason: str, now: datetime, by: Actor
) -> AlertSilence:
    """Let alerts of a code, or of one scope of it, wake nobody until then.

    They are evaluated and shown all the same.
    """
    row = AlertSilence(
        id=new_id(), alert_code=code, service_scope=scope, begins_at=now, ends_at=until, reason=reason,
        created_by=by.name,
    )  # fmt: skip
    session.add(row)
    session.flush()
    detail = {"alert_code": code, "scope": scope, "until": until.isoformat(), "reason": reason}
    audit.record(session, "alert.silenced", by=by, now=now, detail=detail)
    return row


def end_silence(session: Session, silence_id: UUID, *, now: datetime, by: Actor) -> None:
    """End a silence before its time. Raises UnknownAlert."""
    row = session.get(AlertSilence, silence_id, with_for_update=True)
    if row is None or row.ends_at <= now:
        raise UnknownAlert
    if row.begins_at < now:
        # Kept, so that those who were not woken are told about what still stands.
        row.ends_at = now
    else:
        session.delete(row)
    detail = {"alert_code": row.alert_code, "scope": row.service_scope}
    audit.record(session, "alert.unsilenced", by=by, now=now, detail=detail)


def in_force(session: Session, *, now: datetime) -> Sequence[AlertSilence]:
    """The silences that hold now, the first to end first."""
    query = select(AlertSilence).where(AlertSilence.ends_at > now, AlertSilence.begins_at <= now)
    return session.scalars(query.order_by(AlertSilence.ends_at, AlertSilence.id)).all()


def is_silenced(session: Session, code: str, scope: str, *, now: datetime) -> bool:
    """Whether nobody is to be woken by this alert now."""
    query = select(AlertSilence.id).where(
        AlertSilence.alert_code == code,
        or_(AlertSilence.service_scope.is_(None), AlertSilence.service_scope == scope),
        AlertSilence.begins_at <= now,
        AlertSilence.ends_at > now,
    )
    return session.scalars(query.limit(1)).first() is not None


def _of_this_raising(said: AlertAcknowledgement | None, row: OpsAlert) -> AlertAcknowledgement | None:
    return said if said is not None and said.raised_at == row.raised_at else None


def _until(silences: Sequence[AlertSilence], row: OpsAlert) -> datetime | None:
    return max((silence.ends_at for silence in silences if covers(silence, row)), default=None)

"""When a silence ends, write about the alerts that it kept quiet and that still stand: nothing else would."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alert import OpsAlert
from models.alert_state import AlertSilence
from services.alerts import handling, transitions
from services.events import shape
from services.mail import letters, wording

_LATE: Final = timedelta(minutes=1)
"""How much later than the alert a letter about something critical may come."""


def write_after_silence(session: Session, *, public_url: str, now: datetime) -> int:
    """One letter to each reader about alerts that were silenced until now and still stand. Returns how many letters.

    Each silence is handled once, when it is over; an alert that another silence covers waits for that one's end.
    """
    over = session.scalars(
        select(AlertSilence)
        .where(AlertSilence.told_at.is_(None), AlertSilence.ends_at <= now)
        .with_for_update(skip_locked=True)
    ).all()
    for silence in over:
        silence.told_at = now
    rows = [
        row
        for row in (transitions.standing(session) if over else ())
        if any(_kept(silence, row) for silence in over)
        and not handling.is_silenced(session, row.alert_code, row.service_scope, now=now)
    ]
    return _write(session, rows, public_url, now) if rows else 0


def _write(session: Session, rows: Sequence[OpsAlert], public_url: str, now: datetime) -> int:
    kind = letters.URGENT if any(row.severity == "critical" for row in rows) else letters.COLLECTED
    words = wording.still([shape.of_alert(row) for row in rows], public_url, is_urgent=kind == letters.URGENT)
    readers = letters.readers(session)
    for reader in readers:
        letters.add(session, reader, kind, words, now)
    return len(readers)


def _kept(silence: AlertSilence, row: OpsAlert) -> bool:
    """Whether a silence kept the news of this alert from operators; only critical news is written within the hour."""
    wait = _LATE if row.severity == "critical" else letters.COLLECTED_EVERY
    return handling.covers(silence, row) and silence.begins_at - wait <= row.recorded_at <= silence.ends_at

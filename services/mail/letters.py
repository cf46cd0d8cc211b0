"""Write letters from what happened, claim those that are due, and record what came of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.ids import new_id
from models import dropping
from models.mail import MailAddress, MailLetter
from models.user import UserRole
from services import event_log, leases
from services.alerts import handling
from services.events import ALERT, Event, Position
from services.mail import wording

CONSUMER: Final = "mail"
COLLECTED_EVERY: Final = timedelta(hours=1)
ATTEMPTS_MAX: Final = 40
"""With the back-off of leases.py, some six hours."""
BATCH_MAX: Final = 5
LEASE: Final = timedelta(seconds=90) * BATCH_MAX
KEPT: Final = timedelta(days=30)
CONFIRMATION, URGENT, COLLECTED = "confirmation", "urgent", "collected"


@dataclass(frozen=True, slots=True)
class Ready:
    """One letter under a lease."""

    letter_id: UUID
    generation: int
    user_id: UUID
    address: str
    kind: str
    subject: str
    body: str
    html: str
    written_at: datetime


def write_confirmation(session: Session, row: MailAddress, link: str, *, now: datetime) -> None:
    """Ask the owner of an address to confirm it."""
    add(session, row, CONFIRMATION, wording.confirmation(link), now)


def write_urgent(session: Session, events: Sequence[Event], *, public_url: str, now: datetime) -> int:
    """Write to everybody about each critical alert among these events, and about its end. Returns how many letters."""
    critical = [
        event
        for event in events
        if event.kind == ALERT and event.data["severity"] == "critical" and not _is_silenced(session, event, now)
    ]
    everybody = readers(session) if critical else []
    for event in critical:
        words = wording.urgent(event, public_url)
        for reader in everybody:
            add(session, reader, URGENT, words, now)
    return len(critical) * len(everybody)


def collect(session: Session, *, public_url: str, now: datetime) -> int:
    """Write to each reader, an hour after their last letter, about all that was not critical.

    Returns how many letters.
    """
    written = 0
    for reader in readers(session):
        if reader.collected_at > now - COLLECTED_EVERY:
            continue
        row = session.get_one(MailAddress, reader.user_id, with_for_update=True, populate_existing=True)
        if row.collected_at > now - COLLECTED_EVERY:
            continue
        events = event_log.read(session, after=Position.read(row.collected_to), sources=(ALERT,))
        row.collected_at = now
        if not events:
            continue
        row.collected_to = str(events[-1].position)
        mild = [
            event for event in events if event.data["severity"] != "critical" and not _is_silenced(session, event, now)
        ]
        if mild:
            add(session, row, COLLECTED, wording.collected(mild, public_url), now)
            written += 1
    return written


def _is_silenced(session: Session, event: Event, now: datetime) -> bool:
    """Whether an alert is silenced; so is its end then."""
    return handling.is_silenced(session, event.data["alert_code"], event.data["service_scope"], now=now)


def claim(session: Session, *, owner: str, now: datetime) -> Sequence[Ready]:
    """Lease the letters that are due, oldest first; give up those whose reader is no longer an operator."""
    query = select(MailLetter).where(MailLetter.state == "waiting").order_by(MailLetter.due_at).limit(BATCH_MAX)
    rows = leases.claim(session, query, MailLetter, owner=owner, now=now, lease=LEASE)
    operators = set(
        session.scalars(select(UserRole.user_id).where(UserRole.user_id.in_({row.user_id for row in rows})))
    )
    ready = []
    for row in rows:
        if row.user_id in operators and row.attempts <= ATTEMPTS_MAX:
            ready.append(
                Ready(
                    row.id, row.lease_generation, row.user_id, row.address, row.kind, row.subject, row.body, row.html,
                    row.created_at,
                )
            )  # fmt: skip
        else:
            _end(row, "failed", "attempts_exhausted" if row.user_id in operators else "no_operator")
    session.flush()
    return ready


def record(session: Session, ready: Ready, *, error: str | None, is_final: bool, now: datetime) -> None:
    """Record what came of a letter: sent, refused for good, or to be tried again. Raises LeaseLost."""
    row = leases.locked(session, select(MailLetter).where(MailLetter.id == ready.letter_id), ready.generation)
    if error is None or is_final:
        _end(row, "sent" if error is None else "failed", error)
    else:
        row.error = error
        leases.release(row, due_at=now + leases.back_off(row.attempts))


def withdraw(session: Session, user_id: UUID) -> None:
    """Give up the letters that wait to be sent to somebody."""
    session.execute(
        update(MailLetter)
        .where(MailLetter.user_id == user_id, MailLetter.state == "waiting")
        .values(
            state="failed", error="no_longer_wanted", due_at=None, lease_owner=None, lease_until=None,
            lease_generation=MailLetter.lease_generation + 1,
        )
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def forget_old(session: Session, *, now: datetime) -> int:
    """Drop some of the letters that were sent or given up long ago; returns how many."""
    return dropping.some(session, MailLetter, MailLetter.created_at < now - KEPT, MailLetter.state != "waiting")


def readers(session: Session) -> Sequence[MailAddress]:
    """Everybody who gets letters: operators with a confirmed address."""
    return session.scalars(
        select(MailAddress)
        .where(MailAddress.confirmed_at.is_not(None))
        .where(MailAddress.user_id.in_(select(UserRole.user_id)))
        .order_by(MailAddress.user_id)
    ).all()


def add(session: Session, reader: MailAddress, kind: str, words: wording.Words, now: datetime) -> None:
    """Have a letter sent to somebody."""
    session.add(
        MailLetter(
            id=new_id(), user_id=reader.user_id, address=reader.address, kind=kind, subject=words.subject,
            body=words.body, html=words.html, created_at=now, state="waiting", due_at=now,
        )
    )  # fmt: skip
    session.flush()


def _end(row: MailLetter, state: str, error: str | None) -> None:
    row.state, row.error = state, error
    if state == "sent" and row.kind == CONFIRMATION:
        # The link in it is as good as a password for a day.
        row.body = row.html = ""
    leases.release(row, due_at=None)

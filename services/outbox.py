"""Promise work inside a transaction, and hand the promises to the broker after it committed."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from models.deferred import Deferred
from models.work import OutboxMessage

LEASE = timedelta(seconds=15)
BATCH_MAX = 200
_NOTED = "promised_tasks"


_PROMISE = Deferred(
    "work_promised",
    "text, jsonb, timestamptz",
    "INSERT INTO outbox (task, arguments, created_at, attempts) VALUES ($1, $2, $3, 0)",
)


def promise(session: Session, task: str, *, now: datetime, **arguments: Any) -> None:
    """Have a task run after this transaction commits; if it does not commit, nothing was promised.

    The row is what counts; the note on the session lets the committing process wake a worker at once (a task with
    arguments waits for the relay).
    """
    _PROMISE.later(session, task, json.dumps(arguments, default=str), now)
    if not arguments:
        session.info.setdefault(_NOTED, set()).add(task)


def take_noted(session: Session) -> frozenset[str]:
    """The tasks promised by the transaction that just ended on this session; clears the note."""
    return frozenset(session.info.pop(_NOTED, ()))


def claim(session: Session, *, now: datetime, older_than: timedelta) -> list[OutboxMessage]:
    """Lease the promises that are due, oldest first, so that two relays do not send the same ones."""
    rows = session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.created_at <= now - older_than)
        .where((OutboxMessage.lease_until.is_(None)) | (OutboxMessage.lease_until < now))
        .order_by(OutboxMessage.id)
        .limit(BATCH_MAX)
        .with_for_update(skip_locked=True)
    ).all()
    if rows:
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id.in_([row.id for row in rows]))
            .values(lease_until=now + LEASE, attempts=OutboxMessage.attempts + 1)
            .execution_options(synchronize_session=False)
        )
    return list(rows)


def done(session: Session, message_ids: list[int]) -> None:
    """Delete the promises that the broker has taken."""
    session.execute(
        delete(OutboxMessage).where(OutboxMessage.id.in_(message_ids)).execution_options(synchronize_session=False)
    )

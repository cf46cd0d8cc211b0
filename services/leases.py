"""Claim work rows under a fenced lease, and tell whether the lease still holds when the work is done."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

from sqlalchemy import Select, or_
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.base import Leased

LEASE = timedelta(seconds=60)
BACK_OFF_MAX = timedelta(minutes=10)

Work = TypeVar("Work", bound=Leased)


class LeaseLost(StrongroomError):
    """The lease expired and another worker has taken over; this worker's result is not recorded."""

    code: ClassVar[str] = "lease_lost"


def claim(
    session: Session, query: Select[Work], model: type[Work], *, owner: str, now: datetime, lease: timedelta = LEASE
) -> Sequence[Work]:
    """Take the rows of `query` that are due and not leased, skipping those locked right now.

    Each gets a new lease generation, by which `locked` recognises its holder; the caller commits before it acts.
    """
    rows = session.scalars(
        query.where(or_(model.due_at.is_(None), model.due_at <= now))
        .where(or_(model.lease_until.is_(None), model.lease_until <= now))
        .with_for_update(skip_locked=True, of=model)
    ).all()
    for row in rows:
        row.lease_owner = owner
        row.lease_until = now + lease
        row.lease_generation += 1
        row.attempts += 1
    session.flush()
    return rows


def release(row: Leased, *, due_at: datetime | None) -> None:
    """Give a row back, to be claimed again when it is due."""
    row.lease_owner = None
    row.lease_until = None
    row.due_at = due_at


def settle(row: Leased) -> None:
    """Give a row back whose step succeeded: the next step starts with a clean count of attempts."""
    release(row, due_at=None)
    row.attempts = 0


def back_off(attempts: int) -> timedelta:
    """How long to wait after this many failed attempts: 2, 4, 8 … seconds, ten minutes at most."""
    return min(timedelta(seconds=2 ** min(attempts, 16)), BACK_OFF_MAX)


def locked(session: Session, query: Select[Work], generation: int) -> Work:
    """The one row of `query`, locked, if it is still under the lease of this generation. Raises LeaseLost."""
    row = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()
    if row.lease_generation != generation:
        raise LeaseLost
    return row

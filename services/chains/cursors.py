"""Where the reading of each chain stands, which worker may read it, and whether an operator has paused it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from models.chain import ChainCursor
from services import audit, leases, outbox

LEASE: Final = timedelta(seconds=20)
"""Short, and renewed by every batch: a reader that dies is replaced within seconds."""


class ChainNotFollowed(StrongroomError):
    """No observer follows a chain of that name here."""

    code: ClassVar[str] = "unknown_chain"


def every(session: Session) -> Sequence[ChainCursor]:
    """All observers, by chain."""
    return session.scalars(select(ChainCursor).order_by(ChainCursor.chain)).all()


def get(session: Session, chain: str) -> ChainCursor:
    """One observer. Raises ChainNotFollowed."""
    cursor = session.get(ChainCursor, chain)
    if cursor is None:
        raise ChainNotFollowed(f"no observer follows {chain!r} here", fields={"chain": ["is not followed here"]})
    return cursor


def claim(session: Session, chain: str, *, owner: str, now: datetime) -> ChainCursor | None:
    """The lease on reading this chain; None when it is paused, or another worker holds the lease."""
    query = select(ChainCursor).where(ChainCursor.chain == chain, ChainCursor.paused_at.is_(None))
    claimed = leases.claim(session, query, ChainCursor, owner=owner, now=now, lease=LEASE)
    return claimed[0] if claimed else None


def held(session: Session, chain: str, generation: int) -> ChainCursor:
    """The cursor, locked, while the lease of this generation holds. Raises LeaseLost."""
    return leases.locked(session, select(ChainCursor).where(ChainCursor.chain == chain), generation)


def renew(session: Session, chain: str, *, generation: int, now: datetime) -> None:
    """Renew the lease on a chain while waiting for its node. Raises LeaseLost."""
    held(session, chain, generation).lease_until = now + LEASE


def pause(session: Session, chain: str, *, now: datetime, by: Actor) -> ChainCursor:
    """Stop reading a chain until it is resumed. Raises ChainNotFollowed."""
    cursor = get(session, chain)
    if cursor.paused_at is None:
        cursor.paused_at, cursor.paused_by = now, by.name
        audit.record(session, "observer.paused", by=by, now=now, detail={"chain": chain})
    return cursor


def resume(session: Session, chain: str, *, now: datetime, by: Actor) -> ChainCursor:
    """Read a paused chain again. Raises ChainNotFollowed."""
    cursor = get(session, chain)
    if cursor.paused_at is not None:
        cursor.paused_at = cursor.paused_by = None
        audit.record(session, "observer.resumed", by=by, now=now, detail={"chain": chain})
    return refresh(session, chain, now=now, by=by)


def refresh(session: Session, chain: str, *, now: datetime, by: Actor) -> ChainCursor:
    """Read a chain now rather than at its next turn. Raises ChainNotFollowed."""
    cursor = get(session, chain)
    session.execute(update(ChainCursor).where(ChainCursor.chain == chain).values(due_at=None))
    audit.record(session, "observer.refreshed", by=by, now=now, detail={"chain": chain})
    outbox.promise(session, "chains.watch", now=now)
    return cursor

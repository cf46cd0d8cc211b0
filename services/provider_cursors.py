"""Follow a provider in the table of chains: a cursor's height counts pages, its hash is the provider's own cursor."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.provider_facts import IncomingPage
from models.chain import ChainCursor
from services import chains, deposits


def begin(session: Session, chain: str, *, now: datetime) -> None:
    """Begin to follow a provider from its first payment; one that is followed already keeps its cursor."""
    chains.follow(session, chain, height=0, hashes=[""], now=now)


def rest(session: Session, chain: str, *, until: datetime | None) -> None:
    """Read a provider again at this time; None means at the next turn."""
    session.execute(update(ChainCursor).where(ChainCursor.chain == chain).values(due_at=until))


def let_go(session: Session, chain: str, *, generation: int, now: datetime) -> None:
    """Give the lease on a provider back before its end was reached. Does nothing if the lease was lost meanwhile."""
    session.execute(
        update(ChainCursor)
        .where(ChainCursor.chain == chain, ChainCursor.lease_generation == generation)
        .values(lease_until=None, lease_owner=None, attempts=0, due_at=now)
    )


def record(
    session: Session,
    chain: str,
    page: IncomingPage,
    *,
    generation: int,
    credits_pending: bool,
    now: datetime,
    by: Actor,
) -> int:
    """Record a page and move the cursor, in one transaction. Returns new deposits. Raises LeaseLost."""
    cursor = chains.held(session, chain, generation)
    found = 0
    if page.transfers:
        cursor.height += 1
        found = deposits.sight_transfers(
            session, chain, page.transfers, page=cursor.height, credits_pending=credits_pending, now=now, by=by
        )
        cursor.advanced_at = now
    cursor.hash, cursor.lease_until = page.cursor, now + chains.LEASE
    return found

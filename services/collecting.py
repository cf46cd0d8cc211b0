"""Follow a provider: the cursor of a chain, whose height counts pages and whose hash is the provider's own place."""

from datetime import datetime

from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.provider_facts import IncomingPage
from services import chains, deposits


def begin(session: Session, chain: str, *, now: datetime) -> None:
    """Begin to follow a provider from its own beginning; one that is followed already keeps its place."""
    chains.follow(session, chain, height=0, hashes=[""], now=now)


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
    """Record a page and where to read on, in one transaction. Returns new deposits. Raises LeaseLost."""
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

"""Query a provider about its closed payments again for a month: unlike a block, its report may change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.payout import Payout
from services import leases
from services.payouts.reading import CLOSED, first_asked_at
from services.payouts.sending import BATCH_MAX, Outgoing, held, of_provider

LOOKED_AT_AFTER: Final = tuple(timedelta(hours=hours) for hours in (1, 6, 24, 3 * 24, 7 * 24, 14 * 24, 30 * 24))
"""How long after it was closed a payment is queried again, if nothing else calls for it."""
FRUITLESS_MAX: Final = 8
"""How many queries in a row may fail before the next of these times is waited for."""
CLOCKS_DIFFER: Final = timedelta(minutes=15)
MADE_WITHIN: Final = timedelta(days=1)
"""How long after its first request a payment without a provider id is searched for; later, the provider has to tell.

The list of a whole month's payments is too long to be read under heavy traffic.
"""


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed payment: whether it had failed, and the time within which the provider may have made it."""

    outgoing: Outgoing
    has_failed: bool
    since: datetime
    until: datetime


def look_again(payout: Payout, now: datetime) -> None:
    """Release the lease of a closed payment, and schedule its next query, if there is one."""
    leases.settle(payout)
    moments = (payout.state_changed_at + after for after in LOOKED_AT_AFTER)
    payout.due_at = next((moment for moment in moments if moment > now), None)


def claim_closed(session: Session, chain: str, *, owner: str, now: datetime) -> Sequence[Closed]:
    """Lease the closed payments of a provider that are due to be queried again."""
    query = (
        select(Payout)
        .where(Payout.chain == chain, Payout.state.in_(CLOSED), Payout.due_at.is_not(None))
        .order_by(Payout.due_at, Payout.id)
        .limit(BATCH_MAX)
    )
    return _closed(session, leases.claim(session, query, Payout, owner=owner, now=now))


def claim_nameless(session: Session, chain: str, *, owner: str, now: datetime) -> Sequence[Closed]:
    """Lease the failed payments without a provider id that are still searched for, due or not."""
    query = (
        select(Payout)
        .where(Payout.chain == chain, Payout.state == "failed", Payout.due_at.is_not(None))
        .where(Payout.provider_id.is_(None))
        .order_by(Payout.id.desc())
        .limit(BATCH_MAX)
    )
    for payout in session.scalars(query.with_for_update(skip_locked=True)):
        payout.due_at = now
    session.flush()
    return _closed(session, leases.claim(session, query, Payout, owner=owner, now=now))


def record_silence(session: Session, outgoing: Outgoing, *, now: datetime) -> None:
    """Retry a closed payment soon, with back-off, because its provider did not answer. Raises LeaseLost."""
    payout = held(session, outgoing)
    if payout.attempts >= FRUITLESS_MAX:
        look_again(payout, now)
    else:
        leases.release(payout, due_at=now + leases.back_off(payout.attempts))


def _closed(session: Session, claimed: Sequence[Payout]) -> list[Closed]:
    return [
        Closed(outgoing, payout.state == "failed", asked_at - CLOCKS_DIFFER, asked_at + MADE_WITHIN)
        for outgoing, payout, asked_at in zip(
            of_provider(session, claimed), claimed, map(first_asked_at, claimed), strict=True
        )
    ]

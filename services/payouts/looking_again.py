"""Ask about the closed payments of a provider again, for a month: its word is no block, and may change."""

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
"""How long after it was closed a payment is asked about again, when nothing hints at it."""
FRUITLESS_MAX: Final = 8
"""How often in a row a provider that does not answer is asked, before the next of these moments is waited for."""
CLOCKS_DIFFER: Final = timedelta(minutes=15)
MADE_WITHIN: Final = timedelta(days=1)
"""How long after it was asked for first a payment is looked for that the provider never named: later, it has to tell.

A list of everything that a busy house paid in a month cannot be read to its end.
"""


@dataclass(frozen=True, slots=True)
class Closed:
    """A payment that was closed: whether it had failed, and from when to when the provider may have made it."""

    outgoing: Outgoing
    has_failed: bool
    since: datetime
    until: datetime


def look_again(payout: Payout, now: datetime) -> None:
    """Let go of a closed payment until it is to be asked about again, if ever."""
    leases.settle(payout)
    moments = (payout.state_changed_at + after for after in LOOKED_AT_AFTER)
    payout.due_at = next((moment for moment in moments if moment > now), None)


def claim_closed(session: Session, chain: str, *, owner: str, now: datetime) -> Sequence[Closed]:
    """Lease the closed payments of a provider that are to be asked about again."""
    query = (
        select(Payout)
        .where(Payout.chain == chain, Payout.state.in_(CLOSED), Payout.due_at.is_not(None))
        .order_by(Payout.due_at, Payout.id)
        .limit(BATCH_MAX)
    )
    return _closed(session, leases.claim(session, query, Payout, owner=owner, now=now))


def claim_nameless(session: Session, chain: str, *, owner: str, now: datetime) -> Sequence[Closed]:
    """Lease those that failed before the provider told its name for them, and are looked for still, due or not."""
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
    """Have a closed payment be asked about soon, since its provider could not be. Raises LeaseLost."""
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

"""Carry out requested conversions, or void their holds and say why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.conversions import FAILURES, RateOutOfRange, has_moved
from domain.crash import crash_point
from domain.errors import ensure
from domain.flows import CONVERSION, move
from domain.ledger import Post, Transaction, Transfer, Void
from domain.prices import PriceDisputed, PriceStale
from models.conversion import Conversion, ConversionPair, ConversionQuote
from services import flows, leases, ledger
from services.conversions import floats
from services.conversions.quoting import rate_now

CLAIMED_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class Order:
    """A conversion under the lease of this generation."""

    conversion_id: UUID
    generation: int


def claim_due(session: Session, *, owner: str, now: datetime) -> Sequence[Order]:
    """Lease the conversions to be carried out, oldest first."""
    query = select(Conversion).where(Conversion.state == "requested").order_by(Conversion.id).limit(CLAIMED_MAX)
    claimed = leases.claim(session, query, Conversion, owner=owner, now=now)
    return [Order(row.id, row.lease_generation) for row in claimed]


def settle(session: Session, order: Order, *, now: datetime, by: Actor) -> Conversion:
    """Carry a conversion out, all legs in one ledger transaction, or void its holds. Raises LeaseLost.

    It fails, with a reason of domain/conversions.py, when its pair is paused, when a price is stale, disputed or too
    far from the quoted one, and when the float has too little.
    """
    row = leases.locked(session, select(Conversion).where(Conversion.id == order.conversion_id), order.generation)
    quote = session.get_one(ConversionQuote, row.quote_id)
    why = _doubt(session, quote, now=now)
    booked = None if why is not None else _carry_out(session, row, quote, now=now)
    if booked is None:
        _give_back(session, row, now=now)
    _close(session, row, booked, None if booked else why or "float_short", now=now, by=by)
    crash_point("conversion.settling")
    return row


def _doubt(session: Session, quote: ConversionQuote, *, now: datetime) -> str | None:
    """Why the quote no longer holds, as a reason of FAILURES; None if it does."""
    pair = session.get_one(ConversionPair, (quote.from_asset_id, quote.to_asset_id))
    if not pair.is_open:
        return "pair_paused"
    try:
        rate = rate_now(session, pair, now=now)
    except PriceStale:
        return "price_stale"
    except PriceDisputed:
        return "price_disputed"
    except RateOutOfRange:
        return "price_moved"
    return "price_moved" if has_moved(quote.rate, rate, tolerance_ppm=pair.tolerance_ppm) else None


def _carry_out(session: Session, row: Conversion, quote: ConversionQuote, *, now: datetime) -> int | None:
    """Post both sides at once; None, and nothing posted, when the house has too little."""
    paying = Transfer(
        debit_account=floats.account(session, quote.to_asset_id),
        credit_account=ledger.user_account(session, row.user_id, quote.to_asset_id),
        amount_minor=quote.receives_minor,
    )
    transaction = Transaction(
        key=f"conversion:{row.id}:settle",
        kind="conversion",
        legs=(*(Post(hold) for hold in row.hold_ids), paying),
        flow_id=row.flow_id,
        effective_at=now,
    )
    [outcome] = ledger.post(session, [transaction])
    if outcome.refused == "insufficient_funds":
        return None
    ensure(outcome.refused is None, f"the ledger refused a conversion: {outcome.refused}")
    return outcome.transaction_id


def _give_back(session: Session, row: Conversion, *, now: datetime) -> None:
    transaction = Transaction(
        key=f"conversion:{row.id}:release",
        kind="conversion_failed",
        legs=tuple(Void(hold) for hold in row.hold_ids),
        flow_id=row.flow_id,
        effective_at=now,
    )
    [outcome] = ledger.post(session, [transaction])
    ensure(outcome.refused is None, f"the ledger refused to release a hold: {outcome.refused}")


def _close(session: Session, row: Conversion, booked: int | None, why: str | None, *, now: datetime, by: Actor) -> None:
    """Close the conversion: completed by this ledger transaction, or failed for this reason."""
    before, state = row.state, "completed" if why is None else "failed"
    row.state, row.transaction_id, row.failed_because = move(CONVERSION, before, state), booked, why
    row.state_changed_at = row.closed_at = now
    leases.settle(row)
    session.flush()
    detail = {} if why is None else {"failed_because": why, "why": FAILURES[why]}
    flows.record(session, flows.Step(row.flow_id, CONVERSION, before, state, detail), now=now, by=by)

"""Look once more at what was verified by its depth alone: a fork may have undone it since."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.claim_reading import Reading
from domain.verification import ClaimFacts, Decision, is_settled
from models.verification import PaymentVerification
from services import alerts, assets, leases
from services.verifications.rules import rule_of

AFTER: Final = timedelta(hours=1)
"""How long after it was verified: a fork that has not come by then would be deeper than any that is foreseen."""
LOOKS_UNTIL_GONE: Final = 4
"""So many looks in which it is not there are told; a provider may be behind for a moment."""
LOOKS_MAX: Final = 12
"""So many fruitless looks are the last, and are told, whatever the reason."""
ALERT: Final = "verified_claim_undone"
_GONE: Final = frozenset({"not_found", "failed_on_chain", "no_such_transfer"})


def plan(row: PaymentVerification, facts: ClaimFacts | None, *, now: datetime) -> None:
    """Have a claim that was just verified be looked at again, unless the chain says itself that it is final."""
    if facts is not None and facts.is_final is None:
        row.due_at = now + AFTER


def claim_due(
    session: Session, *, owner: str, limit: int, lease: timedelta, now: datetime
) -> Sequence[PaymentVerification]:
    """Take some verified claims that are due, under a lease."""
    query = (
        select(PaymentVerification)
        .where(PaymentVerification.state == "verified", PaymentVerification.due_at.is_not(None))
        .order_by(PaymentVerification.due_at)
        .limit(limit)
    )
    return leases.claim(session, query, PaymentVerification, owner=owner, now=now, lease=lease)


def record(session: Session, row: PaymentVerification, reading: Reading, *, now: datetime) -> Decision:
    """Record what a look at a locked, verified claim showed, and return what it would be by that alone.

    What was credited stays so, for it may have been spent. Where the payment is not in the chain any more, in several
    looks, that is told: somebody has to settle it. Who could not be asked has proved nothing, and is told of as well.
    """
    doubt = _doubt(session, row, reading, now=now)
    scope = f"verification:{row.id}"
    if not doubt:
        leases.settle(row)
        alerts.clear(session, ALERT, scope=scope, now=now, reason="the chain shows the payment, deep enough")
        return Decision("verified")
    leases.release(row, due_at=now + leases.back_off(row.attempts) if row.attempts < LOOKS_MAX else None)
    if row.attempts >= (LOOKS_UNTIL_GONE if doubt in _GONE else LOOKS_MAX):
        alerts.raise_alert(
            session,
            ALERT,
            scope=scope,
            severity="critical",
            reason=f"a claim that was verified cannot be seen on its chain any more: {doubt}",
            now=now,
            asset_id=row.asset_id,
            tx_hash=row.tx_hash,
            details={"paid_minor": str(row.paid_minor), "credited": row.credits_user},
        )
    return Decision("uncertain", doubt)


def _doubt(session: Session, row: PaymentVerification, reading: Reading, *, now: datetime) -> str:
    """Why the payment cannot be seen as it was verified; "" if it can."""
    facts = reading.facts
    if facts is None:
        return reading.doubt or "not_found"
    if not facts.succeeded:
        return "failed_on_chain"
    same = (row.transfer_place, row.recipient)
    # A token may tell of more than arrived, and what arrived was looked up when it was verified.
    told = [one.amount_minor for one in facts.transfers if (one.place, one.recipient) == same]
    if not told or told[0] < (row.paid_minor or 0):
        return "no_such_transfer"
    rule = rule_of(session, assets.get(session, row.asset_id), credits_user=row.credits_user, now=now)
    return "" if is_settled(rule, facts, row.paid_minor or 0) else "confirming"

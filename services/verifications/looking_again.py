"""Look again at claims that were verified by depth alone: a reorganisation may have undone the payment."""

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
"""When after the verification: a reorganisation that comes later would be deeper than any that is expected."""
LOOKS_UNTIL_GONE: Final = 4
"""After this many looks without the payment the alert is raised; a provider may be behind for a moment."""
LOOKS_MAX: Final = 12
"""After this many inconclusive looks, whatever the reason, the alert is raised and no more are made."""
ALERT: Final = "verified_claim_undone"
_GONE: Final = frozenset({"not_found", "failed_on_chain", "no_such_transfer"})


def plan(row: PaymentVerification, facts: ClaimFacts | None, *, now: datetime) -> None:
    """Schedule another look at a claim that was just verified, unless the chain itself calls it final."""
    if facts is not None and facts.is_final is None:
        row.due_at = now + AFTER


def claim_due(
    session: Session, *, owner: str, limit: int, lease: timedelta, now: datetime
) -> Sequence[PaymentVerification]:
    """Lease some verified claims that are due for another look."""
    query = (
        select(PaymentVerification)
        .where(PaymentVerification.state == "verified", PaymentVerification.due_at.is_not(None))
        .order_by(PaymentVerification.due_at)
        .limit(limit)
    )
    return leases.claim(session, query, PaymentVerification, owner=owner, now=now, lease=lease)


def record(session: Session, row: PaymentVerification, reading: Reading, *, now: datetime) -> Decision:
    """Record another look at a locked, verified claim; returns what would be decided from it alone.

    What was credited stays so, for it may have been spent. If the payment is missing in several looks, an alert says
    so: an operator has to settle it. If nobody could be asked that proves nothing, and is reported as well.
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
    """Why the payment is no longer visible as it was verified; "" if it is."""
    facts = reading.facts
    if facts is None:
        return reading.doubt or "not_found"
    if not facts.succeeded:
        return "failed_on_chain"
    same = (row.transfer_place, row.recipient)
    # An event may report more than arrived; the received amount was established when it was verified.
    told = [one.amount_minor for one in facts.transfers if (one.place, one.recipient) == same]
    if not told or told[0] < (row.paid_minor or 0):
        return "no_such_transfer"
    rule = rule_of(session, assets.get(session, row.asset_id), credits_user=row.credits_user, now=now)
    return "" if is_settled(rule, facts, row.paid_minor or 0) else "confirming"

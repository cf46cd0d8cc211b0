"""Mark a payment as uncertain: its funds stay held, and an alert says so."""

from datetime import datetime

from sqlalchemy.orm import Session

from domain.actor import Actor
from models.payout import Payout
from services import alerts, flows, leases
from services.payouts.reading import advance, withdrawals_of
from services.payouts.sweeping import note

ATTEMPTS_MAX = 8


def doubt(session: Session, payout: Payout, *, code: str, reason: str, now: datetime, by: Actor) -> None:
    """Make a payout uncertain, to be retried later; the alert becomes critical after repeated attempts."""
    leases.release(payout, due_at=now + leases.back_off(payout.attempts))
    payout.reason = code
    if payout.state == "completed":
        return
    wait_because(session, payout, code, noted=payout.state == "uncertain", now=now, by=by)
    if payout.state in {"signed", "broadcast"}:
        advance(session, payout, "uncertain", {"code": code, "reason": reason}, now=now, by=by)
    alerts.raise_alert(
        session,
        "withdrawal_uncertain",
        scope=f"payout:{payout.id}",
        severity="critical" if payout.attempts >= ATTEMPTS_MAX else "warning",
        reason=f"a payment may or may not have left: {reason}",
        now=now,
        asset_id=payout.asset_id,
        details={"payout_id": str(payout.id), "code": code, "attempts": payout.attempts},
    )


def wait_because(session: Session, payout: Payout, code: str | None, *, noted: bool, now: datetime, by: Actor) -> None:
    """Show the owners of the withdrawals why they wait; if `noted`, a new reason is an event of their flows."""
    if noted and code is not None:
        note(session, payout, {"waits_because": code}, now=now, by=by)
    for withdrawal in withdrawals_of(session, payout.id):
        if noted and code is not None and withdrawal.waiting_reason != code:
            flows.note(session, withdrawal.flow_id, withdrawal.state, {"waits_because": code}, now=now, by=by)
        withdrawal.waiting_reason = code

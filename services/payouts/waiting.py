"""Leave approved withdrawals waiting when they cannot be paid, and retry them early when funds arrive."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.node_refusals import InsufficientHotFunds
from models.withdrawal import Withdrawal
from services import alerts, flows, leases, outbox
from services.payouts.signing import ATTEMPTS_BEFORE_ALERT, Batch, still_claimed


def record_waiting(session: Session, batch: Batch, *, code: str, now: datetime, by: Actor) -> None:
    """Leave the withdrawals approved, with the reason why they wait, to be tried again later."""
    for row, (_, generation) in zip(still_claimed(session, batch), batch.claims, strict=True):
        if row.state != "approved" or row.lease_generation != generation:
            continue
        leases.release(row, due_at=now + leases.back_off(row.attempts))
        if row.waiting_reason != code:
            row.waiting_reason = code
            flows.note(session, row.flow_id, "approved", {"waits_because": code}, now=now, by=by)
        if row.attempts >= ATTEMPTS_BEFORE_ALERT:
            alerts.raise_alert(
                session,
                "withdrawal_waits",
                scope=f"withdrawal:{row.id}",
                severity="warning",
                reason=f"an approved withdrawal cannot be paid: {code}",
                now=now,
                asset_id=row.asset_id,
                details={"withdrawal_id": str(row.id), "code": code, "attempts": row.attempts},
            )


def retry_unfunded(session: Session, chain: str, *, now: datetime) -> int:
    """Make withdrawals due that wait for funds in the hot wallet of this chain. Returns how many.

    Of every asset: a token's payment may wait for the coin that pays its fee.
    """
    waiting = (
        select(Withdrawal.id)
        .where(
            Withdrawal.chain == chain,
            Withdrawal.state == "approved",
            Withdrawal.waiting_reason == InsufficientHotFunds.code,
            Withdrawal.due_at > now,
        )
        .order_by(Withdrawal.id)
        .with_for_update(skip_locked=True)
    )
    retried = session.scalars(
        update(Withdrawal).where(Withdrawal.id.in_(waiting)).values(due_at=None).returning(Withdrawal.id)
    ).all()
    if retried:
        outbox.promise(session, "withdrawals.pay", now=now)
    return len(retried)

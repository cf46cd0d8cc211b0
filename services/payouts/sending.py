"""Offer stored payments to the network, always the same bytes, and record what was answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.crash import crash_point
from domain.ports import BroadcastAnswer, Located
from models.asset import WithdrawalPolicy
from models.payout import Payout, PayoutTransaction
from services import alerts, leases
from services.payouts.failing import fail
from services.payouts.reading import advance, forms_of, withdrawals_of

BATCH_MAX = 20
# How long a payment that the network took is left alone before it is offered again.
OFFER_AGAIN_AFTER = timedelta(minutes=2)
ATTEMPTS_MAX = 8


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One stored payment to be offered: the newest signed form of its payout."""

    payout_id: UUID
    generation: int
    txid: str
    raw_tx: str


def claim_unconfirmed(session: Session, chain: str, *, owner: str, now: datetime) -> Sequence[Outgoing]:
    """Lease the payouts that are in no block and due to be offered: for the first time or once more."""
    query = (
        select(Payout)
        .where(
            Payout.chain == chain,
            Payout.state.in_(("signed", "broadcast", "uncertain")),
            Payout.block_hash.is_(None),
        )
        .order_by(Payout.id)
        .limit(BATCH_MAX)
    )
    outgoing = []
    for payout in leases.claim(session, query, Payout, owner=owner, now=now):
        newest = session.scalars(
            select(PayoutTransaction)
            .where(PayoutTransaction.payout_id == payout.id)
            .order_by(PayoutTransaction.form.desc())
            .limit(1)
        ).one()
        outgoing.append(Outgoing(payout.id, payout.lease_generation, newest.txid, newest.raw_tx))
    return outgoing


def record_answer(session: Session, outgoing: Outgoing, answer: BroadcastAnswer, *, now: datetime, by: Actor) -> None:
    """Record that the network took the payment, or would not take it now. Raises LeaseLost."""
    payout = _held(session, outgoing)
    if answer.outcome == "rejected":
        _doubt(session, payout, code="broadcast_rejected", reason=answer.reason, now=now, by=by)
        return
    leases.settle(payout)
    payout.due_at, payout.reason = now + OFFER_AGAIN_AFTER, None
    _wait_because(session, payout, None)
    if payout.state in {"signed", "uncertain"}:
        advance(session, payout, "broadcast", {"txid": outgoing.txid, "answer": answer.outcome}, now=now, by=by)
    alerts.clear(session, "withdrawal_uncertain", scope=f"payout:{payout.id}", now=now, reason="the network has it")
    session.flush()
    crash_point("withdrawal.recording")


def record_unsent(session: Session, outgoing: Outgoing, *, code: str, now: datetime) -> None:
    """Record that the node could not be asked at all, so that nothing happened. Raises LeaseLost."""
    payout = _held(session, outgoing)
    leases.release(payout, due_at=now + leases.back_off(payout.attempts))
    payout.reason = code
    _wait_because(session, payout, code)


def record_uncertain(session: Session, outgoing: Outgoing, *, code: str, now: datetime, by: Actor) -> None:
    """Record that no answer came: the payment may have left, and the funds stay held. Raises LeaseLost."""
    _doubt(session, _held(session, outgoing), code=code, reason=code, now=now, by=by)


def record_located(
    session: Session, outgoing: Outgoing, located: Located | None, *, reason: str, now: datetime, by: Actor
) -> None:
    """Record what the wallet knows of a payment that the network would not take. Raises LeaseLost.

    In the mempool or in a block: it was taken before. Made impossible by another transaction that is itself final:
    failed, with that transaction as the proof. Anything else proves nothing.
    """
    if located is not None and (located.in_mempool or located.confirmations > 0):
        record_answer(session, outgoing, BroadcastAnswer("already_known"), now=now, by=by)
        return
    payout = _held(session, outgoing)
    ours = {form.txid for form in forms_of(session, payout.id)}
    if located is None or located.conflicted_by is None or located.conflicted_by in ours:
        _doubt(session, payout, code="broadcast_rejected", reason=reason, now=now, by=by)
        return
    payout.conflicted_by = located.conflicted_by
    needed = session.get_one(WithdrawalPolicy, payout.asset_id).confirmations
    if -located.confirmations >= needed:
        fail(session, payout, now=now, by=by)
        return
    _doubt(session, payout, code="conflicted", reason=f"{located.conflicted_by} spends its inputs", now=now, by=by)


def _held(session: Session, outgoing: Outgoing) -> Payout:
    return leases.locked(session, select(Payout).where(Payout.id == outgoing.payout_id), outgoing.generation)


def _wait_because(session: Session, payout: Payout, code: str | None) -> None:
    for withdrawal in withdrawals_of(session, payout.id):
        withdrawal.waiting_reason = code


def _doubt(session: Session, payout: Payout, *, code: str, reason: str, now: datetime, by: Actor) -> None:
    leases.release(payout, due_at=now + leases.back_off(payout.attempts))
    payout.reason = code
    _wait_because(session, payout, code)
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

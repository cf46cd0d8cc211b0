"""Follow payments through the blocks until they are final, and settle them in the ledger."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import Block
from domain.errors import ensure
from domain.ledger import Post, Transaction
from models.asset import WithdrawalPolicy
from models.chain import ChainCursor
from models.payout import Payout, PayoutTransaction
from models.withdrawal import Withdrawal
from services import alerts, leases, ledger, outbox
from services.finality import is_deep
from services.payouts import fees, sweeping
from services.payouts.failing import fail
from services.payouts.impossible import UNCONFIRMED, doubt_conflicted, doubt_orphaned
from services.payouts.reading import advance, awaited, locked

BATCH_MAX = 50
# How deep another transaction that spends our inputs must be before a payment fails by itself; deeper where our own
# finality demands more.
CONFLICT_FINAL = 6


def sight_blocks(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime, by: Actor) -> None:
    """Record which of our payments are in these blocks, in whichever form, and which ones these make impossible."""
    _confirm(session, chain, blocks, now=now, by=by)
    doubt_conflicted(session, chain, blocks, now=now, by=by)
    session.flush()
    doubt_orphaned(session, chain, now=now, by=by)


def undo_above(session: Session, chain: str, height: int, *, now: datetime, by: Actor) -> None:
    """Undo the payments whose block is above this height: they are offered to the network again."""
    undone = session.scalars(
        select(Payout).where(Payout.chain == chain, Payout.block_height > height).order_by(Payout.id).with_for_update()
    ).all()
    for payout in undone:
        detail = {"reorganised": payout.block_hash}
        payout.block_height = payout.block_hash = payout.fee_minor = None
        if payout.state == "failed":
            # Its funds went back on the strength of that block. Not offered again; should it be paid yet, it is told.
            continue
        payout.void_because = None
        leases.release(payout, due_at=now)
        if payout.state == "completed":
            alerts.raise_alert(
                session,
                "completed_payout_reorganised",
                scope=f"payout:{payout.id}",
                severity="critical",
                reason="a payment that was final is in no block any more; it is offered to the network again",
                now=now,
                asset_id=payout.asset_id,
                tx_hash=payout.txid,
                details={"payout_id": str(payout.id)},
            )
            continue
        advance(session, payout, "broadcast", detail, now=now, by=by)
    # Whatever became of them: what follows from it for others does not any more.
    session.execute(
        update(Payout)
        .where(Payout.chain == chain, Payout.conflict_height > height)
        .values(conflicted_by=None, conflict_height=None)
    )


def fail_conflicted(session: Session, chain: str, *, now: datetime, by: Actor) -> int:
    """Fail the payouts whose inputs another final transaction has spent; their funds are released. Returns how many."""
    cursor = session.get(ChainCursor, chain)
    if cursor is None:
        return 0
    proved = session.scalars(
        select(Payout)
        .join(WithdrawalPolicy, WithdrawalPolicy.asset_id == Payout.asset_id)
        .where(
            Payout.chain == chain,
            Payout.state.in_(UNCONFIRMED),
            is_deep(Payout.conflict_height, func.greatest(WithdrawalPolicy.confirmations, CONFLICT_FINAL), cursor),
        )
        .order_by(Payout.id)
        .limit(BATCH_MAX)
        .with_for_update(skip_locked=True, of=Payout)
    ).all()
    for payout in proved:
        fail(session, payout, now=now, by=by)
    return len(proved)


def settle_due(session: Session, chain: str, *, now: datetime, by: Actor) -> int:
    """Complete the payouts that are final: post their holds, book the network fee. Returns how many.

    One whose transaction pays nobody, because it was reverted or cancelled, fails instead: its funds are released, and
    the fee is booked all the same.
    """
    cursor = session.get(ChainCursor, chain)
    if cursor is None:
        return 0
    due = session.scalars(
        select(Payout)
        .join(WithdrawalPolicy, WithdrawalPolicy.asset_id == Payout.asset_id)
        .where(
            Payout.chain == chain,
            Payout.state == "confirming",
            is_deep(Payout.block_height, WithdrawalPolicy.confirmations, cursor),
        )
        .order_by(Payout.id)
        .limit(BATCH_MAX)
        .with_for_update(skip_locked=True, of=Payout)
    ).all()
    paid = [payout for payout in due if payout.void_because is None]
    for payout in due:
        if payout.void_because is not None:
            fail(session, payout, now=now, by=by)
    carried = [
        withdrawal for payout in paid for withdrawal in advance(session, payout, "completed", {}, now=now, by=by)
    ]
    book(session, carried, due, now=now)
    return len(due)


def book(session: Session, carried: Sequence[Withdrawal], closed: Sequence[Payout], *, now: datetime) -> None:
    """Post the holds of completed withdrawals, and book the cost of closed payouts, all of one chain."""
    settlements = [_settlement(withdrawal, now) for withdrawal in carried]
    for outcome in ledger.post(session, settlements + fees.booked(session, closed, now=now)):
        ensure(outcome.refused is None, f"the ledger refused to settle a payout: {outcome.refused}")


def _settlement(withdrawal: Withdrawal, now: datetime) -> Transaction:
    return Transaction(
        key=f"withdrawal:{withdrawal.id}:settle",
        kind="withdrawal",
        legs=tuple(
            Post(hold=hold_id) for hold_id in (withdrawal.amount_hold_id, withdrawal.fee_hold_id) if hold_id is not None
        ),
        flow_id=withdrawal.flow_id,
        effective_at=now,
    )


def _confirm(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime, by: Actor) -> None:
    waiting = session.execute(
        select(PayoutTransaction.txid, PayoutTransaction.payout_id, PayoutTransaction.is_cancellation).where(
            PayoutTransaction.payout_id.in_(awaited(session, chain))
        )
    ).all()
    if not waiting:
        return
    home = {transaction.txid: (transaction, block) for block in blocks for transaction in block.transactions}
    found = {payout_id: (txid, cancels) for txid, payout_id, cancels in waiting if txid in home}
    closed = []
    for payout in locked(session, found):
        txid, cancels = found[payout.id]
        transaction, block = home[txid]
        void_because = "cancelled" if cancels else None if transaction.succeeded else "reverted"
        if payout.state == "failed" and void_because is None:
            _sent_after_all(session, payout, txid, now=now)
            continue
        payout.txid, payout.block_height, payout.block_hash = txid, block.height, block.hash
        payout.fee_minor, payout.void_because = transaction.fee_minor, void_because
        payout.conflicted_by = payout.conflict_height = None
        if payout.state in {"completed", "failed"}:
            closed.append(payout)
            continue
        payout.reason = None
        leases.settle(payout)
        reason = "it is in a block"
        alerts.clear(session, "withdrawal_uncertain", scope=f"payout:{payout.id}", now=now, reason=reason)
        detail = {"txid": txid, "block_height": block.height, "block_hash": block.hash}
        if void_because is not None:
            detail["void_because"] = void_because
        for withdrawal in advance(session, payout, "confirming", detail, now=now, by=by):
            withdrawal.waiting_reason = None
        outbox.promise(session, "payouts.settle", now=now)
    _close_again(session, closed, now=now)


def _close_again(session: Session, closed: Sequence[Payout], *, now: datetime) -> None:
    """Record that settled payouts are in a block again, possibly at another cost."""
    if not closed:
        return
    for payout in closed:
        leases.settle(payout)
        if payout.state == "completed" and payout.void_because is None:
            scope, reason = f"payout:{payout.id}", "it is in a block again"
            alerts.clear(session, "completed_payout_reorganised", scope=scope, now=now, reason=reason)
    session.flush()
    for payout in closed:
        sweeping.recount(session, payout)
    for outcome in ledger.post(session, fees.corrections(session, closed, now=now)):
        ensure(outcome.refused is None, f"the ledger refused to correct a fee: {outcome.refused}")


def _sent_after_all(session: Session, payout: Payout, txid: str, *, now: datetime) -> None:
    """A reorganisation deeper than foreseen undid the proof: the funds were released, and left all the same."""
    alerts.raise_alert(
        session,
        "failed_payout_confirmed",
        scope=f"payout:{payout.id}",
        severity="critical",
        reason="a payment that was proved impossible is in a block after all; its funds were given back before",
        now=now,
        asset_id=payout.asset_id,
        tx_hash=txid,
        details={"payout_id": str(payout.id)},
    )

"""Follow payments through the blocks until they are final, and settle them in the ledger."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session, aliased

from domain.actor import Actor
from domain.chain_facts import Block, OutPoint
from domain.errors import ensure
from domain.ledger import Post, Transaction
from models.asset import WithdrawalPolicy
from models.chain import ChainCursor
from models.deposit import Deposit
from models.payout import Payout, PayoutInput, PayoutTransaction
from models.withdrawal import Withdrawal
from services import alerts, leases, ledger, outbox
from services.finality import is_deep
from services.payouts import fees, sweeping
from services.payouts.doubting import doubt
from services.payouts.failing import fail
from services.payouts.reading import advance, awaited

BATCH_MAX = 50
# So deep must another transaction that spends our inputs be before nobody doubts any more that ours never confirms.
CONFLICT_FINAL = 6
UNCONFIRMED = ("signed", "broadcast", "uncertain")


def sight_blocks(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime, by: Actor) -> None:
    """Record which payments of ours these blocks hold, whichever of their forms, and which they make impossible."""
    _confirm(session, chain, blocks, now=now, by=by)
    _doubt_conflicted(session, chain, blocks, now=now, by=by)
    session.flush()
    _doubt_orphaned(session, chain, now=now, by=by)


def undo_above(session: Session, chain: str, height: int, *, now: datetime, by: Actor) -> None:
    """Un-see the payments whose block is above this height: they are offered to the network again."""
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
    """Fail the payouts whose inputs another transaction has spent for good; their funds go back. Returns how many."""
    cursor = session.get(ChainCursor, chain)
    if cursor is None:
        return 0
    proved = session.scalars(
        select(Payout)
        .where(
            Payout.chain == chain,
            Payout.state.in_(UNCONFIRMED),
            is_deep(Payout.conflict_height, CONFLICT_FINAL, cursor),
        )
        .order_by(Payout.id)
        .limit(BATCH_MAX)
        .with_for_update(skip_locked=True)
    ).all()
    for payout in proved:
        fail(session, payout, now=now, by=by)
    return len(proved)


def settle_due(session: Session, chain: str, *, now: datetime, by: Actor) -> int:
    """Complete the payouts that are final: post what was held, book the network fee. Returns how many.

    One that is in its block and pays nobody, because it was reverted or cancelled, fails instead: its funds go back,
    and the fee was paid all the same.
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
    """Post what the completed withdrawals held, and what the closed payouts, all of one chain, have cost."""
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
    for payout in _locked(session, found):
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
    """Take note that payouts that were settled once are in a block again, which may have made them another cost."""
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


def _doubt_conflicted(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime, by: Actor) -> None:
    """Mark the payments one of whose inputs these blocks spend, or make impossible, in a transaction of others."""
    rows = session.execute(
        select(PayoutInput.txid, PayoutInput.vout, PayoutInput.payout_id)
        .join(Payout, Payout.id == PayoutInput.payout_id)
        .where(Payout.chain == chain, Payout.state.in_(UNCONFIRMED))
    )
    at_stake: dict[OutPoint, set[UUID]] = defaultdict(set)
    for txid, vout, payout_id in rows:
        at_stake[OutPoint(txid, vout)].add(payout_id)
    for spent, payout_id in _below_deposits(session, chain):
        at_stake[spent].add(payout_id)
    if not at_stake:
        return
    spenders = {
        payout_id: (transaction.txid, block.height)
        for block in blocks
        for transaction in block.transactions
        for spent in transaction.spends
        if spent in at_stake
        for payout_id in at_stake[spent]
    }
    for payout in _locked(session, spenders):
        payout.conflicted_by, payout.conflict_height = spenders[payout.id]
        reason = f"{payout.conflicted_by} in block {payout.conflict_height} spends its inputs"
        doubt(session, payout, code="conflicted", reason=reason, now=now, by=by)


def _below_deposits(session: Session, chain: str) -> Iterator[tuple[OutPoint, UUID]]:
    """What a deposit spends that no block holds any more and that a payment of ours spends in turn, and that payment.

    Whoever else spends one of these in a block has made the deposit impossible, and our payment with it.
    """
    rows = session.execute(
        select(Deposit.spends, PayoutInput.payout_id)
        .join(
            PayoutInput,
            (PayoutInput.chain == Deposit.chain)
            & (PayoutInput.txid == Deposit.txid)
            & (PayoutInput.vout == Deposit.vout),
        )
        .join(Payout, Payout.id == PayoutInput.payout_id)
        .where(Payout.chain == chain, Payout.state.in_(UNCONFIRMED), Deposit.block_height.is_(None))
    )
    for spends, payout_id in rows:
        for spelled in spends:
            txid, _, vout = spelled.partition(":")
            yield OutPoint(txid, int(vout)), payout_id


def _doubt_orphaned(session: Session, chain: str, *, now: datetime, by: Actor) -> None:
    """Mark the payments that spend the change of a payment of ours which a block holds in another form, or none can.

    That output will never be, so that nothing in any block spends it either: this is the only proof there is.
    """
    parent = aliased(Payout)
    is_in_other_form = parent.block_height.is_not(None) & (parent.txid != PayoutTransaction.txid)
    rows = session.execute(
        select(
            Payout.id,
            case((is_in_other_form, parent.txid), else_=parent.conflicted_by),
            case((is_in_other_form, parent.block_height), else_=parent.conflict_height),
        )
        .join(PayoutInput, PayoutInput.payout_id == Payout.id)
        .join(
            PayoutTransaction,
            (PayoutTransaction.chain == PayoutInput.chain) & (PayoutTransaction.txid == PayoutInput.txid),
        )
        .join(parent, parent.id == PayoutTransaction.payout_id)
        .where(
            Payout.chain == chain,
            Payout.state.in_(UNCONFIRMED),
            Payout.conflicted_by.is_(None),
            is_in_other_form | parent.conflicted_by.is_not(None),
        )
    )
    orphaned = {payout_id: (txid, height) for payout_id, txid, height in rows}
    for payout in _locked(session, orphaned):
        payout.conflicted_by, payout.conflict_height = orphaned[payout.id]
        reason = f"it spends change that {payout.conflicted_by} in block {payout.conflict_height} made impossible"
        doubt(session, payout, code="conflicted", reason=reason, now=now, by=by)


def _locked(session: Session, payout_ids: Collection[UUID]) -> Sequence[Payout]:
    if not payout_ids:
        return []
    return session.scalars(select(Payout).where(Payout.id.in_(payout_ids)).order_by(Payout.id).with_for_update()).all()


def _sent_after_all(session: Session, payout: Payout, txid: str, *, now: datetime) -> None:
    """The proof was undone by a reorganisation deeper than anything foreseen: the funds went back, and left."""
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

"""Follow payments through the blocks until they are final, and settle them in the ledger."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from domain.ledger import Post, Transaction, Transfer
from domain.ports import Block
from models.asset import WithdrawalPolicy
from models.chain import ChainCursor
from models.payout import Payout, PayoutTransaction
from models.withdrawal import Withdrawal
from services import alerts, leases, ledger, outbox
from services.payouts.reading import advance

BATCH_MAX = 50


def sight_blocks(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime, by: Actor) -> None:
    """Record which payments of ours these blocks hold, whichever of their forms it is."""
    waiting = session.execute(
        select(Payout, PayoutTransaction.txid)
        .join(PayoutTransaction, PayoutTransaction.payout_id == Payout.id)
        .where(Payout.chain == chain, Payout.state != "failed", Payout.block_hash.is_(None))
        .order_by(Payout.id)
        .with_for_update(of=Payout)
    ).all()
    if not waiting:
        return
    home = {transaction.txid: block for block in blocks for transaction in block.transactions}
    for payout, txid in waiting:
        block = home.get(txid)
        if block is None:
            continue
        payout.txid, payout.block_height, payout.block_hash = txid, block.height, block.hash
        leases.settle(payout)
        payout.reason = None
        if payout.state != "completed":
            detail = {"txid": txid, "block_height": block.height, "block_hash": block.hash}
            advance(session, payout, "confirming", detail, now=now, by=by)
            outbox.promise(session, "payouts.settle", now=now)
        alerts.clear(session, "withdrawal_uncertain", scope=f"payout:{payout.id}", now=now, reason="it is in a block")


def undo_above(session: Session, chain: str, height: int, *, now: datetime, by: Actor) -> None:
    """Un-see the payments whose block is above this height: they are offered to the network again."""
    undone = session.scalars(
        select(Payout).where(Payout.chain == chain, Payout.block_height > height).order_by(Payout.id).with_for_update()
    ).all()
    for payout in undone:
        detail = {"reorganised": payout.block_hash}
        payout.block_height = payout.block_hash = None
        if payout.state == "completed":
            alerts.raise_alert(
                session,
                "completed_payout_reorganised",
                scope=f"payout:{payout.id}",
                severity="critical",
                reason="a payment that was final is in no block any more; it should confirm again by itself",
                now=now,
                asset_id=payout.asset_id,
                tx_hash=payout.txid,
                details={"payout_id": str(payout.id)},
            )
            continue
        advance(session, payout, "broadcast", detail, now=now, by=by)
        leases.release(payout, due_at=now)


def settle_due(session: Session, chain: str, *, now: datetime, by: Actor) -> int:
    """Complete the payouts that are final: post what was held, book the network fee. Returns how many."""
    cursor = session.get(ChainCursor, chain)
    if cursor is None:
        return 0
    due = session.scalars(
        select(Payout)
        .join(WithdrawalPolicy, WithdrawalPolicy.asset_id == Payout.asset_id)
        .where(
            Payout.chain == chain,
            Payout.state == "confirming",
            Payout.block_height + WithdrawalPolicy.confirmations - 1 <= cursor.height,
        )
        .order_by(Payout.id)
        .limit(BATCH_MAX)
        .with_for_update(skip_locked=True, of=Payout)
    ).all()
    carried = {payout.id: advance(session, payout, "completed", {}, now=now, by=by) for payout in due}
    transactions = [
        transaction
        for payout in due
        for transaction in [
            *(_settlement(withdrawal, now) for withdrawal in carried[payout.id]),
            _network_fee(session, payout, now),
        ]
    ]
    for outcome in ledger.post(session, transactions) if transactions else ():
        ensure(outcome.refused is None, f"the ledger refused to settle a payout: {outcome.refused}")
    return len(due)


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


def _network_fee(session: Session, payout: Payout, now: datetime) -> Transaction:
    form = session.scalars(
        select(PayoutTransaction).where(PayoutTransaction.payout_id == payout.id, PayoutTransaction.txid == payout.txid)
    ).one()
    return Transaction(
        key=f"payout:{payout.id}:network_fee",
        kind="network_fee",
        legs=(
            Transfer(
                debit_account=ledger.system_account(session, "network_fees", payout.asset_id),
                credit_account=ledger.system_account(session, "hot_wallet", payout.asset_id),
                amount_minor=form.fee_minor,
            ),
        ),
        effective_at=now,
    )

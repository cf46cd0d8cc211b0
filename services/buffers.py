"""Compare what a wallet holds with what the ledger says it holds, and keep every comparison."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from domain.ids import new_id
from domain.rails import RAILS
from domain.wallet_facts import Holding
from models.asset import Asset
from models.buffer import BufferSnapshot
from models.chain import ChainCursor
from models.deposit import Deposit
from models.payout import Payout, PayoutTransaction
from models.payout_made_after_all import PayoutMadeAfterAll
from models.payout_return import PayoutReturn
from models.quarantine import DepositQuarantine
from models.withdrawal import Withdrawal
from services import alerts, buffer_marks, ledger


def compare(
    session: Session, asset: Asset, holding: Holding, *, unread_minor: int = 0, now: datetime
) -> BufferSnapshot:
    """Record a holding beside the ledger as it stands now.

    `unread_minor` is what the ledger says lies on swept addresses, which the wallet did not read. The verdict is
    unknown unless the wallet was read at the very block of the cursor: two heights cannot be compared. A provider has
    no blocks; its statement is taken as of now.
    """
    cursor = session.get(ChainCursor, asset.chain)
    if holding.hash and (cursor is None or cursor.hash != holding.hash):
        return unknown(session, asset, reason="the wallet and the cursor stand on different blocks", now=now)
    parts = [
        ("in the hot wallet, to be paid out", holding.trusted_minor),
        ("in the hot wallet, in no block yet", holding.unconfirmed_minor),
        ("in the hot wallet, newly mined", holding.immature_minor),
        ("on deposit addresses, not swept yet", holding.unswept_minor),
    ]
    holding_minor = sum(amount for _, amount in parts)
    ledger_minor = ledger.system_balance(session, "hot_wallet", asset.asset_id)
    lines = [
        ("deposits that are not credited yet", _uncredited(session, asset)),
        ("withdrawals that left and are not final", -_in_flight(session, asset)),
        ("network fees of those", -_fees_in_flight(session, asset)),
    ]
    came_back_minor = _came_back(session, asset)
    if came_back_minor:
        lines.append(("payments that came back and are not booked", came_back_minor))
    made_minor = _made_after_all(session, asset)
    if made_minor:
        lines.append(("failed payments that were made after all and are not settled", -made_minor))
    if unread_minor:
        lines.append(("coin left on addresses that were swept", -unread_minor))
    difference_minor = holding_minor - ledger_minor - sum(amount for _, amount in lines)
    if difference_minor and _uncertain(session, asset):
        return unknown(session, asset, reason="a payment may or may not have left", now=now)
    marks = buffer_marks.of(session, asset.asset_id)
    snapshot = BufferSnapshot(
        id=new_id(),
        asset_id=asset.asset_id,
        chain=asset.chain,
        at=now,
        verdict="ok" if abs(difference_minor) <= marks.discrepancy_minor else "mismatch",
        reason=None,
        height=holding.height,
        holding_minor=holding_minor,
        ledger_minor=ledger_minor,
        difference_minor=difference_minor,
        lines=[[label, str(amount)] for label, amount in lines],
        spendable_minor=holding.trusted_minor,
        parts=[[label, str(amount)] for label, amount in parts],
    )
    session.add(snapshot)
    session.flush()
    _alert(session, asset, snapshot, marks.mismatches_min, now=now)
    return snapshot


def unknown(session: Session, asset: Asset, *, reason: str, now: datetime) -> BufferSnapshot:
    """Record that the wallet could not be read: nothing is concluded, and no alert clears."""
    snapshot = BufferSnapshot(
        id=new_id(),
        asset_id=asset.asset_id,
        chain=asset.chain,
        at=now,
        verdict="unknown",
        reason=reason,
        height=None,
        holding_minor=None,
        ledger_minor=ledger.system_balance(session, "hot_wallet", asset.asset_id),
        difference_minor=None,
        lines=[],
        spendable_minor=None,
        parts=[],
    )
    session.add(snapshot)
    session.flush()
    return snapshot


def newest(
    session: Session, asset_id: str, *, limit: int = 1, before: datetime | None = None, is_known: bool = False
) -> Sequence[BufferSnapshot]:
    """The latest snapshots of an asset before a moment, newest first; `is_known` leaves out the unknown ones."""
    query = select(BufferSnapshot).where(BufferSnapshot.asset_id == asset_id)
    if before is not None:
        query = query.where(BufferSnapshot.at < before)
    if is_known:
        query = query.where(BufferSnapshot.verdict != "unknown")
    return session.scalars(query.order_by(BufferSnapshot.at.desc(), BufferSnapshot.id.desc()).limit(limit)).all()


def _uncredited(session: Session, asset: Asset) -> int:
    """Outputs that the wallet has and the ledger does not: on their way, too small, or set aside."""
    query = select(func.coalesce(func.sum(Deposit.amount_minor), 0)).where(
        Deposit.asset_id == asset.asset_id,
        # Two indexes, each of few rows; as one list of states they would fit neither.
        or_(
            Deposit.state.in_(("seen", "confirming")),
            Deposit.state.in_(("below_minimum", "quarantined", "reorged")),
        ),
        # Those are booked to suspense already, and so to the hot wallet.
        ~exists().where(DepositQuarantine.deposit_id == Deposit.id, DepositQuarantine.held_transaction_id.is_not(None)),
    )
    if RAILS[asset.chain].has_accounts:  # as read after a block: nothing else is in them
        query = query.where(Deposit.block_height.is_not(None))
    return int(session.scalar(query) or 0)


def _uncertain(session: Session, asset: Asset) -> bool:
    """Whether there is a payment that may or may not have left the wallet."""
    query = select(Payout.id).where(Payout.asset_id == asset.asset_id, Payout.state == "uncertain").limit(1)
    return session.scalar(query) is not None


def _has_left(asset: Asset) -> ColumnElement[bool]:
    """Payouts that have left the wallet and not yet the ledger; on a chain of accounts, those in a block."""
    if RAILS[asset.chain].has_accounts:
        return Payout.state == "confirming"
    return Payout.state.in_(("broadcast", "confirming", "uncertain"))


def _in_flight(session: Session, asset: Asset) -> int:
    return int(
        session.scalar(
            select(func.coalesce(func.sum(Withdrawal.amount_minor), 0))
            .join(Payout, Payout.id == Withdrawal.payout_id)
            .where(Payout.asset_id == asset.asset_id, Payout.void_because.is_(None), _has_left(asset))
        )
        or 0
    )


def _came_back(session: Session, asset: Asset) -> int:
    """What a provider returned of what it had paid, with the part of its fees that it returned."""
    rows = session.execute(
        select(Withdrawal.amount_minor, Payout.fee_booked_minor, PayoutReturn.fee_minor)
        .join(Payout, Payout.id == PayoutReturn.payout_id)
        .join(Withdrawal, Withdrawal.payout_id == Payout.id)
        .where(Payout.asset_id == asset.asset_id, PayoutReturn.booked_at.is_(None), PayoutReturn.retracted_at.is_(None))
    )
    return sum(int(amount) + (int(booked or 0) - int(kept) if kept is not None else 0) for amount, booked, kept in rows)


def _made_after_all(session: Session, asset: Asset) -> int:
    """What a provider has no more of payments that the books say failed; or has again of those settled since."""
    is_made, is_settled = PayoutMadeAfterAll.said != "failed", PayoutMadeAfterAll.settled_at.is_not(None)
    rows = session.execute(
        select(Withdrawal.amount_minor, Payout.fee_booked_minor, PayoutMadeAfterAll.fee_minor, is_settled)
        .join(Payout, Payout.id == PayoutMadeAfterAll.payout_id)
        .join(Withdrawal, Withdrawal.payout_id == Payout.id)
        .where(Payout.asset_id == asset.asset_id, is_made != is_settled)
    )
    return sum(
        (-int(amount) if was_settled else int(amount)) + (int(fee) - int(booked or 0) if fee is not None else 0)
        for amount, booked, fee, was_settled in rows
    )


def _fees_in_flight(session: Session, asset: Asset) -> int:
    """The cost of each payout's confirmed form, or of its newest one while none is confirmed."""
    newest: dict[UUID, int] = {}
    rows = session.execute(
        select(Payout.id, Payout.txid, Payout.fee_minor, PayoutTransaction.txid, PayoutTransaction.fee_minor)
        .join(PayoutTransaction, PayoutTransaction.payout_id == Payout.id)
        .where(Payout.fee_asset_id == asset.asset_id, _has_left(asset))
        .order_by(PayoutTransaction.form)
    )
    for payout_id, confirmed_txid, cost_minor, txid, fee_minor in rows:
        if confirmed_txid is None or confirmed_txid == txid:
            newest[payout_id] = int(fee_minor if cost_minor is None else cost_minor)
    return sum(newest.values())


def _alert(session: Session, asset: Asset, snapshot: BufferSnapshot, mismatches_min: int, *, now: datetime) -> None:
    recent = newest(session, asset.asset_id, limit=mismatches_min, is_known=True)
    scope = f"asset:{asset.asset_id}"
    if snapshot.verdict == "ok":
        alerts.clear(session, "buffer_discrepancy", scope=scope, now=now, reason="holding and ledger agree")
    elif len(recent) >= mismatches_min and all(row.verdict == "mismatch" for row in recent):
        alerts.raise_alert(
            session,
            "buffer_discrepancy",
            scope=scope,
            severity="critical",
            reason="the wallet's balance differed from the ledger in several comparisons in a row",
            now=now,
            asset_id=asset.asset_id,
            details={"difference_minor": str(snapshot.difference_minor), "snapshot_id": str(snapshot.id)},
        )

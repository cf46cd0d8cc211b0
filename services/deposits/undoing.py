"""Undo deposits whose block a reorganisation removed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from domain.flows import DEPOSIT
from domain.ledger import Transaction, Transfer
from models.deposit import Deposit
from services import alerts, flows, ledger, replenishments
from services.deposits import accounts, observations, suspense


def undo_above(session: Session, chain: str, height: int, *, now: datetime, by: Actor) -> int:
    """Undo every deposit whose block is above this height; returns how many.

    A credit is taken back from its owner. If they spent it meanwhile, suspense carries it, with a critical alert, so
    that no balance goes below zero and the ledger still says what is in the wallet.
    """
    return _undo(session, chain, Deposit.block_height > height, now=now, by=by)


def undo(session: Session, chain: str, txids: Collection[str], *, now: datetime, by: Actor) -> int:
    """Undo these deposits as a reorganisation would, because a provider took back its report. Returns how many."""
    named = Deposit.txid.in_(txids) & Deposit.block_height.is_not(None)
    return _undo(session, chain, named, now=now, by=by)


def _undo(session: Session, chain: str, which: ColumnElement[bool], *, now: datetime, by: Actor) -> int:
    undone = session.scalars(
        select(Deposit).where(Deposit.chain == chain, which).order_by(Deposit.id).with_for_update()
    ).all()
    _take_back(session, [deposit for deposit in undone if deposit.state == "credited"], now=now)
    suspense.undo(session, undone, now=now)
    steps = []
    for deposit in undone:
        if deposit.state in {"confirming", "credited", "quarantined", "returned"}:
            detail = {"block_height": deposit.block_height, "block_hash": deposit.block_hash}
            steps.append(flows.Step(deposit.flow_id, DEPOSIT, deposit.state, "reorged", detail))
            deposit.state = "reorged"
            deposit.state_changed_at = now
        deposit.block_height = deposit.block_hash = None
        deposit.credited_at = None
    flows.record_many(session, steps, now=now, by=by)
    session.flush()
    replenishments.count(session, undone, now=now, by=by)
    observations.append(session, [(deposit, "reorged", 0) for deposit in undone], source="block", now=now)
    return len(undone)


def _take_back(session: Session, credited: Sequence[Deposit], *, now: datetime) -> None:
    """Reverse these credits in one call, then, in another, book those that were spent to suspense."""
    if not credited:
        return
    asset_ids = {deposit.asset_id for deposit in credited}
    hot_wallet = {asset_id: ledger.system_account(session, "hot_wallet", asset_id) for asset_id in asset_ids}
    owners = accounts.of_owners(session, credited)
    reversals = [
        Transaction(
            key=f"deposit:{deposit.id}:reversal:{deposit.times_credited}",
            kind="deposit_reversal",
            legs=(
                Transfer(owners[deposit.user_id, deposit.asset_id], hot_wallet[deposit.asset_id], deposit.amount_minor),
            ),
            flow_id=deposit.flow_id,
            effective_at=now,
            reverses=deposit.credit_transaction_id,
        )
        for deposit in credited
    ]
    spent = []
    for deposit, outcome in zip(credited, ledger.post(session, reversals), strict=True):
        if outcome.refused is not None:
            ensure(outcome.refused == "insufficient_funds", f"no reversal of {deposit.id}: {outcome.refused}")
            spent.append(deposit)
    _put_in_suspense(session, spent, hot_wallet, now=now)


def _put_in_suspense(
    session: Session, spent: Sequence[Deposit], hot_wallet: Mapping[str, int], *, now: datetime
) -> None:
    if not spent:
        return
    carrier = {asset_id: ledger.system_account(session, "suspense", asset_id) for asset_id in hot_wallet}
    carried = [
        Transaction(
            key=f"deposit:{deposit.id}:suspense:{deposit.times_credited}",
            kind="deposit_undone_after_spending",
            legs=(Transfer(carrier[deposit.asset_id], hot_wallet[deposit.asset_id], deposit.amount_minor),),
            flow_id=deposit.flow_id,
            effective_at=now,
        )
        for deposit in spent
    ]
    for deposit, outcome in zip(spent, ledger.post(session, carried), strict=True):
        ensure(outcome.refused is None, f"the ledger refused suspense for {deposit.id}: {outcome.refused}")
        deposit.in_suspense = True
        alerts.raise_alert(
            session,
            "deposit_undone_after_spending",
            scope=f"deposit:{deposit.id}",
            severity="critical",
            reason="a reorganisation undid a credited deposit that was spent already; suspense carries the loss",
            now=now,
            asset_id=deposit.asset_id,
            tx_hash=deposit.txid,
            details={"deposit_id": str(deposit.id), "amount_minor": str(deposit.amount_minor)},
        )

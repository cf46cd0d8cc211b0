"""Book deposits that are set aside to suspense, from their confirmation until they are decided about."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from domain.flows import DEPOSIT, move
from domain.ledger import Transaction, Transfer
from models.chain import ChainCursor
from models.deposit import Deposit
from models.quarantine import DepositQuarantine
from services import alerts, flows, ledger
from services.finality import is_deep

BATCH_MAX = 500
# Its money was paid back to its sender, and the chain undid it: the house is out of pocket until it confirms again.
ALERT = "returned_deposit_undone"


def take_due(session: Session, chain: str, *, now: datetime, by: Actor) -> int:
    """Book to suspense the deposits that are set aside and confirmed, one batch at most; returns how many."""
    cursor = session.get(ChainCursor, chain)
    if cursor is None:
        return 0
    due = session.execute(
        select(Deposit, DepositQuarantine)
        .join(DepositQuarantine, DepositQuarantine.deposit_id == Deposit.id)
        .where(
            Deposit.chain == chain,
            Deposit.is_quarantined,
            Deposit.state == "quarantined",
            DepositQuarantine.held_transaction_id.is_(None),
            is_deep(Deposit.block_height, Deposit.confirmations_needed, cursor),
        )
        .order_by(Deposit.id)
        .limit(BATCH_MAX)
        .with_for_update(skip_locked=True)
    ).all()
    outcomes = ledger.post(session, [_taking(session, deposit, row, now) for deposit, row in due])
    for (deposit, row), outcome in zip(due, outcomes, strict=True):
        ensure(outcome.refused is None, f"the ledger refused to set aside deposit {deposit.id}: {outcome.refused}")
        row.held_transaction_id = outcome.transaction_id
        row.times_held += 1
        detail = {"in_suspense_by": outcome.transaction_id}
        if row.decision != "return":
            flows.note(session, deposit.flow_id, deposit.state, detail, now=now, by=by)
            continue
        flows.record(session, flows.Step(deposit.flow_id, DEPOSIT, deposit.state, "returned", detail), now=now, by=by)
        deposit.state, deposit.state_changed_at = move(DEPOSIT, deposit.state, "returned"), now
        alerts.clear(session, ALERT, scope=f"deposit:{deposit.id}", now=now, reason="it confirmed again")
    session.flush()
    return len(due)


def give_back(session: Session, held: Sequence[tuple[Deposit, DepositQuarantine]], *, now: datetime) -> None:
    """Reverse what `take_due` booked for these deposits, where it did. Suspense has no floor: this never fails."""
    booked = [(deposit, row) for deposit, row in held if row.held_transaction_id is not None]
    undoing = [
        Transaction(
            key=f"deposit:{deposit.id}:quarantine_undone:{row.times_held}",
            kind="deposit_quarantine_undone",
            legs=(
                Transfer(
                    debit_account=ledger.system_account(session, "suspense", deposit.asset_id),
                    credit_account=ledger.system_account(session, "hot_wallet", deposit.asset_id),
                    amount_minor=deposit.amount_minor,
                ),
            ),
            flow_id=deposit.flow_id,
            effective_at=now,
            reverses=row.held_transaction_id,
        )
        for deposit, row in booked
    ]
    for (deposit, row), outcome in zip(booked, ledger.post(session, undoing), strict=True):
        ensure(outcome.refused is None, f"the ledger refused to undo suspense for {deposit.id}: {outcome.refused}")
        row.held_transaction_id = None


def undo(session: Session, deposits: Sequence[Deposit], *, now: datetime) -> None:
    """Take these deposits, which are locked, out of suspense again: a reorganisation undid them."""
    ids = [deposit.id for deposit in deposits if deposit.is_quarantined]
    if not ids:
        return
    rows = session.scalars(
        select(DepositQuarantine)
        .where(DepositQuarantine.deposit_id.in_(ids))
        .order_by(DepositQuarantine.deposit_id)
        .with_for_update()
    )
    known = {deposit.id: deposit for deposit in deposits}
    held = [(known[row.deposit_id], row) for row in rows]
    give_back(session, held, now=now)
    for deposit, row in held:
        if row.decision == "return":
            alerts.raise_alert(
                session,
                ALERT,
                scope=f"deposit:{deposit.id}",
                severity="critical",
                reason="a reorganisation undid a deposit that is being, or was, paid back; suspense carries the loss",
                now=now,
                asset_id=deposit.asset_id,
                tx_hash=deposit.txid,
                details={"deposit_id": str(deposit.id), "amount_minor": str(deposit.amount_minor)},
            )


def _taking(session: Session, deposit: Deposit, row: DepositQuarantine, now: datetime) -> Transaction:
    return Transaction(
        key=f"deposit:{deposit.id}:quarantine:{row.times_held + 1}",
        kind="deposit_quarantined",
        legs=(
            Transfer(
                debit_account=ledger.system_account(session, "hot_wallet", deposit.asset_id),
                credit_account=ledger.system_account(session, "suspense", deposit.asset_id),
                amount_minor=deposit.amount_minor,
            ),
        ),
        flow_id=deposit.flow_id,
        effective_at=now,
    )

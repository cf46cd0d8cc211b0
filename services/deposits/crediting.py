"""Turn confirmed deposits into spendable money: the one place where the ledger learns of a coin that came in."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from domain.flows import DEPOSIT
from domain.ledger import Transaction, Transfer
from models.chain import ChainCursor
from models.deposit import Deposit
from services import flows, ledger
from services.deposits import observations

BATCH_MAX = 500


def credit_due(session: Session, chain: str, *, now: datetime, by: Actor) -> int:
    """Credit deposits that have their confirmations, up to a batch of them; returns how many.

    Depth is counted from the cursor, not from the node's tip: a block that has not been read confirms nothing.
    """
    cursor = session.get(ChainCursor, chain)
    if cursor is None:
        return 0
    due = session.scalars(
        select(Deposit)
        .where(
            Deposit.chain == chain,
            Deposit.state == "confirming",
            Deposit.block_height + Deposit.confirmations_needed - 1 <= cursor.height,
        )
        .order_by(Deposit.id)
        .limit(BATCH_MAX)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return 0
    outcomes = ledger.post(session, [_credit(session, deposit, now) for deposit in due])
    steps = []
    for deposit, outcome in zip(due, outcomes, strict=True):
        ensure(outcome.refused is None, f"the ledger refused to credit deposit {deposit.id}: {outcome.refused}")
        detail = {"transaction_id": outcome.transaction_id}
        steps.append(flows.Step(deposit.flow_id, DEPOSIT, "confirming", "credited", detail))
        deposit.state = "credited"
        deposit.state_changed_at = deposit.credited_at = now
        deposit.credit_transaction_id = outcome.transaction_id
        deposit.times_credited += 1
        deposit.in_suspense = False
    flows.record_many(session, steps, now=now, by=by)
    session.flush()
    observations.append(
        session,
        [(deposit, "credited", cursor.height - (deposit.block_height or 0) + 1) for deposit in due],
        source="ledger",
        now=now,
    )
    return len(due)


def _credit(session: Session, deposit: Deposit, now: datetime) -> Transaction:
    # A deposit whose earlier credit was spent before the chain undid it is owed to suspense, not to its owner again.
    owner = (
        ledger.system_account(session, "suspense", deposit.asset_id)
        if deposit.in_suspense
        else ledger.user_account(session, deposit.user_id, deposit.asset_id)
    )
    return Transaction(
        key=f"deposit:{deposit.id}:credit:{deposit.times_credited + 1}",
        kind="deposit_credit",
        legs=(
            Transfer(
                debit_account=ledger.system_account(session, "hot_wallet", deposit.asset_id),
                credit_account=owner,
                amount_minor=deposit.amount_minor,
            ),
        ),
        flow_id=deposit.flow_id,
        effective_at=now,
    )

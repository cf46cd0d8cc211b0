"""Credit confirmed deposits: the one place where the ledger learns of a coin that came in."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from domain.flows import DEPOSIT
from domain.ledger import Transaction, Transfer
from models.chain import ChainCursor
from models.deposit import Deposit
from services import alerts, flows, ledger, replenishments, screening
from services.deposits import accounts, observations
from services.finality import is_deep

BATCH_MAX = 500


def credit_due(session: Session, chain: str, *, now: datetime, by: Actor) -> int:
    """Credit deposits that have their confirmations, up to a batch of them; returns how many."""
    cursor = session.get(ChainCursor, chain)
    if cursor is None:
        return 0
    due = session.scalars(
        select(Deposit)
        .where(
            Deposit.chain == chain,
            Deposit.state == "confirming",
            is_deep(Deposit.block_height, Deposit.confirmations_needed, cursor),
            screening.may_be_credited(session, chain),
        )
        .order_by(Deposit.id)
        .limit(BATCH_MAX)
        .with_for_update(skip_locked=True)
    ).all()
    if not due:
        return 0
    outcomes = ledger.post(session, _credits(session, due, now))
    steps = []
    for deposit, outcome in zip(due, outcomes, strict=True):
        ensure(outcome.refused is None, f"the ledger refused to credit deposit {deposit.id}: {outcome.refused}")
        detail = {"transaction_id": outcome.transaction_id}
        steps.append(flows.Step(deposit.flow_id, DEPOSIT, "confirming", "credited", detail))
        deposit.state = "credited"
        deposit.state_changed_at = deposit.credited_at = now
        deposit.credit_transaction_id = outcome.transaction_id
        deposit.times_credited += 1
        if deposit.in_suspense:
            deposit.in_suspense = False
            scope = f"deposit:{deposit.id}"
            alerts.clear(session, "deposit_undone_after_spending", scope=scope, now=now, reason="it confirmed again")
    flows.record_many(session, steps, now=now, by=by)
    session.flush()
    replenishments.count(session, due, now=now, by=by)
    observations.append(
        session,
        [(deposit, "credited", cursor.height - (deposit.block_height or 0) + 1) for deposit in due],
        source="ledger",
        now=now,
    )
    return len(due)


def _credits(session: Session, due: Sequence[Deposit], now: datetime) -> list[Transaction]:
    asset_ids = {deposit.asset_id for deposit in due}
    hot_wallet = {asset_id: ledger.system_account(session, "hot_wallet", asset_id) for asset_id in asset_ids}
    suspense = {asset_id: ledger.system_account(session, "suspense", asset_id) for asset_id in asset_ids}
    owners = accounts.of_owners(session, [deposit for deposit in due if not deposit.in_suspense])
    return [
        Transaction(
            key=f"deposit:{deposit.id}:credit:{deposit.times_credited + 1}",
            kind="deposit_credit",
            legs=(
                Transfer(
                    debit_account=hot_wallet[deposit.asset_id],
                    # If the first credit was spent before the chain undid it, suspense has made up for it: the money is
                    # now suspense's.
                    credit_account=suspense[deposit.asset_id]
                    if deposit.in_suspense
                    else owners[deposit.user_id, deposit.asset_id],
                    amount_minor=deposit.amount_minor,
                ),
            ),
            flow_id=deposit.flow_id,
            effective_at=now,
        )
        for deposit in due
    ]

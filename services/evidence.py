"""Everything that is on record about one flow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.alert import OpsAlert
from models.deposit import Deposit
from models.flow import Flow, FlowEvent
from models.log_line import KeptLogLine
from models.payout import Payout, PayoutTransaction
from models.sweep import Sweep
from models.withdrawal import Withdrawal, WithdrawalApproval
from services import flows, log_lines, payouts, withdrawals
from services.flows import FlowNotFound

ALERTS_MAX = 100


@dataclass(frozen=True, slots=True)
class BookedTransfer:
    """One ledger transfer of a flow: the accounts by their code, the amount in the smallest unit."""

    transfer_id: int
    transaction_id: int
    kind: str
    phase: str
    debit_code: str
    credit_code: str
    asset_id: str
    amount_minor: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """A flow, its events oldest first, its ledger transfers, and what it did on a chain."""

    flow: Flow
    events: Sequence[FlowEvent]
    transfers: Sequence[BookedTransfer]
    deposit: Deposit | None
    withdrawal: Withdrawal | None
    payout: Payout | None
    forms: Sequence[PayoutTransaction]
    approvals: Sequence[WithdrawalApproval]
    sweep: Sweep | None = None


_TRANSFERS = text(
    """
    SELECT transfer.id, transaction.id, transaction.kind, transfer.phase, debit.code, credit.code,
        transfer.asset_id, transfer.amount, transfer.recorded_at
    FROM ledger_transactions AS transaction
    JOIN ledger_transfers AS transfer ON transfer.transaction_id = transaction.id
    JOIN ledger_accounts AS debit ON debit.id = transfer.debit_account_id
    JOIN ledger_accounts AS credit ON credit.id = transfer.credit_account_id
    WHERE transaction.flow_id = :flow_id
    ORDER BY transfer.id
    """
)
_REACHED = text(
    """
    SELECT 1 FROM ledger_transactions AS transaction
    JOIN ledger_transfers AS transfer ON transfer.transaction_id = transaction.id
    JOIN ledger_accounts AS account ON account.id = transfer.credit_account_id
    WHERE transaction.flow_id = :flow_id AND account.owner_id = :user_id LIMIT 1
    """
)


def find(session: Session, reference: str, *, user_id: UUID | None) -> Flow:
    """The flow with this id or short id; with `user_id`, only if it is theirs or its money reached them.

    Raises FlowNotFound.
    """
    flow = flows.find(session, reference, user_id=None)
    is_theirs = user_id is None or flow.user_id == user_id
    if not is_theirs and session.execute(_REACHED, {"flow_id": flow.group_id, "user_id": user_id}).first() is None:
        raise FlowNotFound
    return flow


def of_flow(session: Session, flow: Flow) -> Evidence:
    """Gather what is on record about a flow."""
    withdrawal = session.scalars(select(Withdrawal).where(Withdrawal.flow_id == flow.group_id)).one_or_none()
    payout = session.get(Payout, withdrawal.payout_id) if withdrawal and withdrawal.payout_id else None
    sweep = session.scalars(select(Sweep).where(Sweep.flow_id == flow.group_id)).one_or_none()
    parts = (
        session.scalars(select(Payout).where(Payout.sweep_id == sweep.id).order_by(Payout.id)).all() if sweep else ()
    )
    if parts:
        payout = parts[-1]
    return Evidence(
        flow=flow,
        events=flows.events_of(session, flow.group_id),
        transfers=transfers_of(session, flow.group_id),
        deposit=session.scalars(select(Deposit).where(Deposit.flow_id == flow.group_id)).one_or_none(),
        withdrawal=withdrawal,
        payout=payout,
        forms=payouts.forms_of(session, payout.id) if payout else (),
        sweep=sweep,
        approvals=withdrawals.approvals_of(session, withdrawal.id) if withdrawal else (),
    )


def alerts_about(session: Session, found: Evidence) -> Sequence[OpsAlert]:
    """The transitions of alerts that name the flow, what it is about, or its payout; oldest first."""
    items = [("flow", found.flow.group_id)]
    for noun, row in (("deposit", found.deposit), ("withdrawal", found.withdrawal), ("payout", found.payout)):
        if row is not None:
            items.append((noun, row.id))
    scopes = [f"{noun}:{item_id}" for noun, item_id in items]
    return session.scalars(
        select(OpsAlert)
        .where(OpsAlert.service_scope.in_(scopes))
        .order_by(OpsAlert.recorded_at, OpsAlert.seq)
        .limit(ALERTS_MAX)
    ).all()


def lines_about(session: Session, found: Evidence) -> Sequence[KeptLogLine]:
    """The warnings and errors that were logged by the requests and tasks that moved the flow; oldest first."""
    return log_lines.said_for(session, {event.correlation_id for event in found.events if event.correlation_id})


def transfers_of(session: Session, flow_id: UUID) -> list[BookedTransfer]:
    """The ledger transfers that a flow made, oldest first."""
    rows = session.execute(_TRANSFERS, {"flow_id": flow_id})
    return [
        BookedTransfer(transfer_id, transaction_id, kind, phase, debit, credit, asset_id, int(amount), recorded_at)
        for transfer_id, transaction_id, kind, phase, debit, credit, asset_id, amount, recorded_at in rows
    ]

"""Everything that is on record about one flow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.alert import OpsAlert
from models.chain import DepositAddress
from models.conversion import Conversion, ConversionQuote
from models.deposit import Deposit
from models.flow import Flow, FlowEvent
from models.log_line import KeptLogLine
from models.payout import Payout, PayoutTransaction
from models.payout_assertion import PayoutAssertion
from models.payout_made_after_all import PayoutMadeAfterAll
from models.payout_return import PayoutReturn
from models.quarantine import DepositQuarantine
from models.replenishment import Replenishment
from models.sweep import Sweep
from models.user import User
from models.verification import PaymentVerification
from models.withdrawal import Withdrawal, WithdrawalApproval
from services import flows, log_lines, payouts, withdrawals
from services.flows import FlowNotFound

ALERTS_MAX = 100


@dataclass(frozen=True, slots=True)
class BookedTransfer:
    """One ledger transfer of a flow: the accounts by their code and owner, the amount in the smallest unit."""

    transfer_id: int
    transaction_id: int
    kind: str
    phase: str
    debit_code: str
    credit_code: str
    asset_id: str
    amount_minor: int
    recorded_at: datetime
    debit_owner_id: UUID | None = None
    credit_owner_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """A flow, its events oldest first, its ledger transfers, what it did on a chain, and the row that it is about.

    `payout` is the newest of its `payments`, and `forms` are those of all of them. `quarantine` says why a deposit
    was set aside, or which deposit a withdrawal pays back; `pair_id` is the flow on the other side of such a return.
    `came_back` is what a provider says of a withdrawal that it had paid, `made` what it says of one that had failed,
    and `said` what operators say of one that it knows nothing of. `recipient_key` is the first key of whoever another
    user sent it to.
    """

    flow: Flow
    events: Sequence[FlowEvent]
    transfers: Sequence[BookedTransfer]
    deposit: Deposit | None
    withdrawal: Withdrawal | None
    payout: Payout | None
    forms: Sequence[PayoutTransaction]
    approvals: Sequence[WithdrawalApproval]
    sweep: Sweep | None = None
    sweep_address: str = ""
    payments: Sequence[Payout] = ()
    replenishment: Replenishment | None = None
    verification: PaymentVerification | None = None
    conversion: Conversion | None = None
    quote: ConversionQuote | None = None
    quarantine: DepositQuarantine | None = None
    pair_id: UUID | None = None
    came_back: PayoutReturn | None = None
    said: PayoutAssertion | None = None
    made: PayoutMadeAfterAll | None = None
    recipient_key: str = ""

    @property
    def is_return(self) -> bool:
        """Whether this withdrawal pays a deposit back: its owner neither asked for it nor can take it back."""
        return self.withdrawal is not None and self.quarantine is not None


_Row = TypeVar("_Row", Deposit, Withdrawal, Sweep, Replenishment, PaymentVerification, Conversion)
_KINDS: Final[Mapping[type[Any], str]] = {
    Deposit: "deposit",
    Withdrawal: "withdrawal",
    Sweep: "sweep",
    Replenishment: "replenishment",
    PaymentVerification: "verification",
    Conversion: "conversion",
}
_TRANSFERS = text(
    """
    SELECT transfer.id, transaction.id, transaction.kind, transfer.phase, debit.code, credit.code,
        transfer.asset_id, transfer.amount, transfer.recorded_at, debit.owner_id, credit.owner_id
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
    deposit = _about(session, Deposit, flow)
    withdrawal = _about(session, Withdrawal, flow)
    sweep = _about(session, Sweep, flow)
    conversion = _about(session, Conversion, flow)
    parts = _payments(session, withdrawal, sweep)
    quarantine, pair_id = _set_aside(session, deposit, withdrawal)
    events = flows.events_of(session, flow.group_id)
    return Evidence(
        flow=flow,
        events=events,
        transfers=transfers_of(session, flow.group_id),
        deposit=deposit,
        withdrawal=withdrawal,
        payout=parts[-1] if parts else None,
        forms=[form for part in parts for form in payouts.forms_of(session, part.id)],
        approvals=withdrawals.approvals_of(session, withdrawal.id) if withdrawal else (),
        sweep=sweep,
        payments=parts,
        sweep_address=session.get_one(DepositAddress, sweep.address_id).address if sweep else "",
        replenishment=_about(session, Replenishment, flow),
        verification=_about(session, PaymentVerification, flow),
        conversion=conversion,
        quote=session.get_one(ConversionQuote, conversion.quote_id) if conversion else None,
        quarantine=quarantine,
        pair_id=pair_id,
        came_back=payouts.return_of(session, parts[-1].id) if withdrawal and parts else None,
        said=payouts.assertion_of(session, parts[-1].id) if withdrawal and parts else None,
        made=payouts.made_after_all_of(session, parts[-1].id) if withdrawal and parts else None,
        recipient_key=_recipient_key(session, flow, events),
    )


def _about(session: Session, model: type[_Row], flow: Flow) -> _Row | None:
    """The row that a flow is the life of, if it is of this kind."""
    if flow.kind != _KINDS[model]:
        return None
    return session.scalars(select(model).where(model.flow_id == flow.group_id)).one_or_none()


def _payments(session: Session, withdrawal: Withdrawal | None, sweep: Sweep | None) -> Sequence[Payout]:
    """What carries a flow on its chain: a withdrawal's payout, or a sweep's payments in the order they were made."""
    if withdrawal is not None and withdrawal.payout_id is not None:
        return [session.get_one(Payout, withdrawal.payout_id)]
    if sweep is not None:
        return session.scalars(select(Payout).where(Payout.sweep_id == sweep.id).order_by(Payout.id)).all()
    return ()


def _recipient_key(session: Session, flow: Flow, events: Sequence[FlowEvent]) -> str:
    """The key that the recipient of an internal transfer is known by; empty for every other kind."""
    if flow.kind != "internal_transfer":
        return ""
    return session.get_one(User, UUID(events[0].detail["to"])).public_key


def _set_aside(
    session: Session, deposit: Deposit | None, withdrawal: Withdrawal | None
) -> tuple[DepositQuarantine | None, UUID | None]:
    """The quarantine that a deposit is in, or that a withdrawal ends, and the flow on the other side."""
    if deposit is not None:
        row = session.get(DepositQuarantine, deposit.id)
        back = None if row is None else row.return_withdrawal_id
        return row, None if back is None else session.get_one(Withdrawal, back).flow_id
    if withdrawal is None:
        return None, None
    query = select(DepositQuarantine).where(DepositQuarantine.return_withdrawal_id == withdrawal.id)
    row = session.scalars(query).one_or_none()
    return row, None if row is None else session.get_one(Deposit, row.deposit_id).flow_id


def alerts_about(session: Session, found: Evidence) -> Sequence[OpsAlert]:
    """The transitions of alerts that name the flow, what it is about, or a payout of it; oldest first."""
    items = [("flow", found.flow.group_id), *(("payout", payment.id) for payment in found.payments)]
    about = (("deposit", found.deposit), ("withdrawal", found.withdrawal), ("verification", found.verification))
    for noun, row in about:
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
        BookedTransfer(number, booking, kind, phase, debit, credit, asset_id, int(amount), at, owners[0], owners[1])
        for number, booking, kind, phase, debit, credit, asset_id, amount, at, *owners in rows
    ]

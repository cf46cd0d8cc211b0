"""Withdrawals that pay back a deposit that was set aside: its owner can neither request nor cancel one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from domain.flows import DEPOSIT, WITHDRAWAL, move
from domain.ids import new_id
from domain.ledger import Hold, Transaction, Transfer
from domain.rails import RAILS
from models.asset import Asset
from models.deposit import Deposit
from models.ledger import LedgerTransaction
from models.quarantine import DepositQuarantine
from models.screening import DepositScreening
from models.withdrawal import Withdrawal, WithdrawalApproval
from services import alerts, assets, flows, ledger, outbox, screening
from services.withdrawals import policy as rules

RETURN: Final = "deposit_return"
"""What the ledger calls a deposit's becoming a payment back."""


def request(
    session: Session,
    deposit: Deposit,
    *,
    destination: str,
    approver_id: UUID,
    now: datetime,
    by: Actor,
) -> Withdrawal:
    """Hold a deposit that suspense carries for a payment back, without a fee; `approver_id` approves it by asking.

    The reason is on the quarantine, since the owner reads the withdrawal. The approver chose the destination, so
    another one has to approve, unless it goes to the only address known to have paid. Raises InvalidAddress,
    WrongNetwork, SystemLimitExceeded. Moving the deposit and its quarantine is up to the caller.
    """
    asset, policy = assets.get(session, deposit.asset_id), assets.policy(session, deposit.asset_id)
    spelled = rules.rail_of(asset).parse_destination(destination).text
    to_sender = _is_the_sender(session, deposit, spelled)
    needed = max(1 if to_sender else 2, rules.approvals_needed(policy, deposit.amount_minor))
    state = "approved" if needed == 1 else "pending_approval"
    detail = {"destination": spelled, "approvals_needed": needed, "returns_deposit": str(deposit.id)}
    opening = flows.Opening(WITHDRAWAL, "requested", deposit.user_id, asset.asset_id, deposit.amount_minor, detail)
    flow_id = flows.open_one(session, opening, now=now, by=by, then=state)
    withdrawal = Withdrawal(
        id=new_id(),
        user_id=deposit.user_id,
        asset_id=asset.asset_id,
        chain=asset.chain,
        destination=spelled,
        amount_minor=deposit.amount_minor,
        fee_minor=0,
        state=state,
        approvals_needed=needed,
        waiting_reason=rules.WithdrawalsPaused.code if policy.paused and state == "approved" else None,
        requested_at=now,
        is_counted=rules.is_limited(policy),
        state_changed_at=now,
        flow_id=flow_id,
        due_at=now,
        lease_generation=0,
        attempts=0,
    )
    withdrawal.amount_hold_id = _move_and_hold(session, asset, withdrawal, now)
    approval = WithdrawalApproval(
        withdrawal_id=withdrawal.id, approver_id=approver_id, decision="approve", decided_at=now
    )
    session.add(withdrawal)
    session.flush()
    session.add(approval)
    outbox.promise(session, "withdrawals.pay", now=now)
    session.flush()
    rules.check_system_limit(session, asset, policy, amount_minor=deposit.amount_minor, now=now)
    return withdrawal


def is_return(session: Session, withdrawal_id: UUID) -> bool:
    """Whether this withdrawal pays a deposit back."""
    return bool(session.scalar(select(exists().where(DepositQuarantine.return_withdrawal_id == withdrawal_id))))


def was_return(session: Session, withdrawal_id: UUID) -> bool:
    """Whether it paid a deposit back when it was made; what came to nothing is undone, and says so no more."""
    key = LedgerTransaction.idempotency_key == f"withdrawal:{withdrawal_id}:hold"
    return bool(session.scalar(select(exists().where(key, LedgerTransaction.kind == RETURN))))


def lost_its_deposit() -> ColumnElement[bool]:
    """Whether a withdrawal pays back a deposit that a reorganisation undid: it waits until that is confirmed again."""
    return exists().where(
        DepositQuarantine.return_withdrawal_id == Withdrawal.id,
        DepositQuarantine.deposit_id == Deposit.id,
        Deposit.state != "returned",
    )


def lost_a_deposit(session: Session, leaving: Sequence[Withdrawal]) -> bool:
    """Whether one of these pays back a deposit that is undone; none can be undone before this transaction ends."""
    states = session.scalars(
        select(Deposit.state)
        .join(DepositQuarantine, DepositQuarantine.deposit_id == Deposit.id)
        .where(DepositQuarantine.return_withdrawal_id.in_([withdrawal.id for withdrawal in leaving]))
        .order_by(Deposit.id)
        .with_for_update(read=True, of=Deposit)
    )
    return any(state != "returned" for state in states)


def locked_deposits(session: Session, ending: Sequence[Withdrawal]) -> list[tuple[Deposit, DepositQuarantine]]:
    """The deposits that these withdrawals pay back, locked, to be handed to `put_back`.

    Call it before anything is booked: a fork locks deposits, their quarantines and the ledger's accounts in this
    order, and deadlocks with whoever locks them in another.
    """
    which = DepositQuarantine.return_withdrawal_id.in_([withdrawal.id for withdrawal in ending])
    afresh = {"populate_existing": True}
    deposits = session.scalars(
        select(Deposit)
        .join(DepositQuarantine, DepositQuarantine.deposit_id == Deposit.id)
        .where(which)
        .order_by(Deposit.id)
        .with_for_update(of=Deposit)
        .execution_options(**afresh)
    )
    known = {deposit.id: deposit for deposit in deposits}
    query = select(DepositQuarantine).where(which).order_by(DepositQuarantine.deposit_id).with_for_update()
    return [(known[row.deposit_id], row) for row in session.scalars(query.execution_options(**afresh))]


def put_back(
    session: Session, returned: Sequence[tuple[Deposit, DepositQuarantine]], *, now: datetime, by: Actor
) -> None:
    """Move what these failed returns held back to suspense, where the deposits are to be decided about again."""
    for deposit, row in returned:
        withdrawal_id = row.return_withdrawal_id
        account = ledger.user_account(session, deposit.user_id, deposit.asset_id)
        suspense = ledger.system_account(session, "suspense", deposit.asset_id)
        undoing = Transaction(
            key=f"withdrawal:{withdrawal_id}:return_undone",
            kind="deposit_return_undone",
            legs=(Transfer(account, suspense, deposit.amount_minor),),
            flow_id=deposit.flow_id,
            effective_at=now,
        )
        [outcome] = ledger.post(session, [undoing])
        ensure(outcome.refused is None, f"the ledger refused to undo the return of {deposit.id}: {outcome.refused}")
        row.decision = row.decision_reason = row.decided_at = row.decided_by = row.return_withdrawal_id = None
        alerts.clear(
            session, "returned_deposit_undone", scope=f"deposit:{deposit.id}", now=now, reason="nothing was paid back"
        )
        if deposit.state == "returned":
            detail = {"came_to_nothing": str(withdrawal_id)}
            step = flows.Step(deposit.flow_id, DEPOSIT, "returned", "quarantined", detail)
            flows.record(session, step, now=now, by=by)
            deposit.state, deposit.state_changed_at = move(DEPOSIT, "returned", "quarantined"), now
    session.flush()


def _is_the_sender(session: Session, deposit: Deposit, address: str) -> bool:
    """Whether screening found this address, and no other, as sender: of several, one may be the approver's own."""
    screened = session.get(DepositScreening, deposit.id)
    if screened is None or not RAILS[deposit.chain].tells_senders:
        return False
    return list(screened.senders) == [screening.spelled(deposit.chain, address)]


def _move_and_hold(session: Session, asset: Asset, withdrawal: Withdrawal, now: datetime) -> int:
    """Credit the owner from suspense and hold the same amount, in one transaction: never spendable in between."""
    owner = ledger.user_account(session, withdrawal.user_id, asset.asset_id)
    suspense = ledger.system_account(session, "suspense", asset.asset_id)
    hot_wallet = ledger.system_account(session, "hot_wallet", asset.asset_id)
    transaction = Transaction(
        key=f"withdrawal:{withdrawal.id}:hold",
        kind=RETURN,
        legs=(Transfer(suspense, owner, withdrawal.amount_minor), Hold(owner, hot_wallet, withdrawal.amount_minor)),
        flow_id=withdrawal.flow_id,
        effective_at=now,
    )
    [outcome] = ledger.post(session, [transaction])
    ensure(outcome.refused is None, f"the ledger refused to hold a return: {outcome.refused}")
    return outcome.transfer_ids[1]

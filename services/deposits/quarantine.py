"""Set a deposit aside, and decide about it: nothing of it can be spent until an operator releases it."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.crash import crash_point
from domain.errors import StrongroomError
from domain.flows import DEPOSIT, WrongState, move
from models.deposit import Deposit
from models.quarantine import DepositQuarantine
from models.withdrawal import Withdrawal
from services import alerts, audit, flows, outbox
from services.deposits import suspense
from services.deposits.reading import DepositNotFound
from services.withdrawals import returns

ALERT = "deposit_quarantined"
# On no branch at the moment; if such a deposit comes back, it is still set aside.
_ELSEWHERE = frozenset({"reorged", "replaced"})


class SelfDecision(StrongroomError):
    """Nobody may decide about their own deposit."""

    code: ClassVar[str] = "self_decision"


def quarantine(
    session: Session, deposit_id: UUID, *, cause: str, reason: str, now: datetime, by: Actor
) -> DepositQuarantine:
    """Set aside a deposit that is not credited yet. Safe to repeat: the first cause stands.

    `cause` is a stable code (`operator`, or the list that names its sender); `reason` is for people. Call it in the
    transaction that sights the deposit, or later, as long as it is not credited. It stays set aside whatever the
    chain does with it, and its money goes to suspense once it is confirmed. Raises DepositNotFound, WrongState.
    """
    deposit = _locked(session, deposit_id)
    standing = session.get(DepositQuarantine, deposit_id, with_for_update=True)
    if standing is not None and deposit.is_quarantined:
        return standing
    if deposit.state not in {"seen", "confirming", *_ELSEWHERE}:
        raise WrongState(f"this deposit is {deposit.state}; only one that is not credited yet can be set aside")
    row = standing or DepositQuarantine(deposit_id=deposit_id, times_held=0)
    row.cause, row.reason, row.set_aside_at, row.set_aside_by = cause, reason, now, by.name
    row.decision = row.decision_reason = row.decided_by = row.decided_at = None
    session.add(row)
    deposit.is_quarantined = True
    # The owner reads the flow and must not learn there what they are suspected of: only the row and the audit log say.
    state = deposit.state if deposit.state in _ELSEWHERE else "quarantined"
    _go(session, deposit, state, {"set_aside": "yes"}, now=now, by=by)
    detail = {"deposit_id": str(deposit_id), "cause": cause, "reason": reason}
    audit.record(session, "deposit.quarantined", by=by, now=now, detail=detail)
    alerts.raise_alert(
        session,
        ALERT,
        scope=f"deposit:{deposit_id}",
        severity="warning",
        reason=f"a deposit is set aside ({cause}): {reason}",
        now=now,
        asset_id=deposit.asset_id,
        tx_hash=deposit.txid,
        details={"deposit_id": str(deposit_id), "amount_minor": str(deposit.amount_minor)},
    )
    outbox.promise(session, "deposits.credit", now=now)
    return row


def release(
    session: Session, deposit_id: UUID, *, decider_id: UUID, reason: str, now: datetime, by: Actor
) -> DepositQuarantine:
    """Let a deposit go on as if it had never been set aside. Raises DepositNotFound, SelfDecision, WrongState."""
    deposit, row = _decidable(session, deposit_id, decider_id)
    suspense.give_back(session, [(deposit, row)], now=now)
    deposit.is_quarantined = False
    to = deposit.state
    if deposit.state == "quarantined":
        to = "seen" if deposit.block_height is None else "confirming"
    _decide(session, deposit, row, "release", reason, now=now, by=by)
    _go(session, deposit, to, {"decision": "release"}, now=now, by=by)
    outbox.promise(session, "deposits.credit", now=now)
    session.flush()
    crash_point("deposit.releasing")
    return row


def give_back(
    session: Session,
    deposit_id: UUID,
    *,
    destination: str,
    decider_id: UUID,
    reason: str,
    now: datetime,
    by: Actor,
) -> Withdrawal:
    """Pay a confirmed deposit that is set aside back to this address, without its owner ever having it.

    Returns the withdrawal that carries it, which counts as approved by `decider_id` and may need another approver.
    Raises DepositNotFound, SelfDecision, WrongState and what services/withdrawals/returns.py refuses.
    """
    deposit, row = _decidable(session, deposit_id, decider_id)
    if deposit.state != "quarantined" or row.held_transaction_id is None:
        raise WrongState("this deposit does not have its confirmations yet; nothing can be paid back before")
    if deposit.in_suspense:
        raise WrongState("this deposit was credited and spent before its block left the chain; release it instead")
    withdrawal = returns.request(session, deposit, destination=destination, approver_id=decider_id, now=now, by=by)
    row.return_withdrawal_id = withdrawal.id
    _decide(session, deposit, row, "return", reason, now=now, by=by)
    _go(session, deposit, "returned", {"decision": "return", "withdrawal_id": str(withdrawal.id)}, now=now, by=by)
    session.flush()
    crash_point("deposit.returning")
    return withdrawal


def of_deposits(session: Session, deposit_ids: Sequence[UUID]) -> dict[UUID, DepositQuarantine]:
    """Why these deposits are, or were, set aside; those that never were are absent."""
    rows = session.scalars(select(DepositQuarantine).where(DepositQuarantine.deposit_id.in_(deposit_ids)))
    return {row.deposit_id: row for row in rows}


def undecided(session: Session, *, after: UUID | None, limit: int) -> Sequence[Deposit]:
    """A page of the deposits that wait for an operator's decision, oldest first, in whatever state they are."""
    query = (
        select(Deposit)
        .join(DepositQuarantine, DepositQuarantine.deposit_id == Deposit.id)
        .where(Deposit.is_quarantined, DepositQuarantine.decision.is_(None))
        .order_by(Deposit.id)
        .limit(limit)
    )
    return session.scalars(query if after is None else query.where(Deposit.id > after)).all()


def _locked(session: Session, deposit_id: UUID) -> Deposit:
    deposit = session.get(Deposit, deposit_id, with_for_update=True, populate_existing=True)
    if deposit is None:
        raise DepositNotFound
    return deposit


def _decidable(session: Session, deposit_id: UUID, decider_id: UUID) -> tuple[Deposit, DepositQuarantine]:
    deposit = _locked(session, deposit_id)
    row = session.get(DepositQuarantine, deposit_id, with_for_update=True, populate_existing=True)
    if row is None or row.decision is not None:
        raise WrongState(f"this deposit is {deposit.state}; there is nothing to decide about it")
    if deposit.user_id == decider_id:
        raise SelfDecision
    return deposit, row


def _decide(
    session: Session, deposit: Deposit, row: DepositQuarantine, decision: str, reason: str, *, now: datetime, by: Actor
) -> None:
    row.decision, row.decision_reason, row.decided_at, row.decided_by = decision, reason, now, by.name
    detail = {"deposit_id": str(deposit.id), "decision": decision, "reason": reason}
    audit.record(session, "deposit.decided", by=by, now=now, detail=detail)
    alerts.clear(session, ALERT, scope=f"deposit:{deposit.id}", now=now, reason=f"decided: {decision}")


def _go(session: Session, deposit: Deposit, state: str, detail: dict[str, str], *, now: datetime, by: Actor) -> None:
    """Move the deposit and its flow; if the state stays the same, only note the detail."""
    if state == deposit.state:
        flows.note(session, deposit.flow_id, state, detail, now=now, by=by)
        return
    step = flows.Step(deposit.flow_id, DEPOSIT, deposit.state, state, detail)
    deposit.state, deposit.state_changed_at = move(DEPOSIT, deposit.state, state), now
    flows.record(session, step, now=now, by=by)

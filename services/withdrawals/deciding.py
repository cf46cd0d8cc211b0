"""Operators decide about withdrawals that the policy does not let through by itself."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.flows import WITHDRAWAL, WrongState, move
from models.user import MAY_APPROVE, UserRole
from models.withdrawal import Withdrawal, WithdrawalApproval
from services import alerts, assets, audit, flows, outbox
from services.withdrawals import returns
from services.withdrawals.policy import WithdrawalsPaused, approvals_needed, give_back_system_day
from services.withdrawals.reading import locked
from services.withdrawals.releasing import release_holds


class SelfApproval(StrongroomError):
    """Nobody may decide about their own withdrawal."""

    code: ClassVar[str] = "self_approval"


class AlreadyDecided(StrongroomError):
    """You have already approved this withdrawal; another approver is needed."""

    code: ClassVar[str] = "already_decided"


def approve(session: Session, withdrawal_id: UUID, *, approver_id: UUID, now: datetime, by: Actor) -> Withdrawal:
    """Agree to a withdrawal; it proceeds once enough different approvers have, by today's policy if that asks for more.

    Whoever agreed before and has lost the right to since does not count any more. Raises WithdrawalNotFound,
    SelfApproval, AlreadyDecided, WrongState.
    """
    withdrawal = _decidable(session, withdrawal_id, approver_id)
    if withdrawal.state != "pending_approval":
        raise WrongState(f"this withdrawal is {withdrawal.state}; only one that waits for approval can be approved")
    if session.get(WithdrawalApproval, (withdrawal_id, approver_id)) is not None:
        raise AlreadyDecided
    policy = assets.policy(session, withdrawal.asset_id)
    _record(session, withdrawal, approver_id, "approve", None, now=now, by=by)
    withdrawal.approvals_needed = max(
        withdrawal.approvals_needed, approvals_needed(policy, int(withdrawal.amount_minor))
    )
    given = _given(session, withdrawal_id, approver_id)
    detail = {"approvals": given, "approvals_needed": withdrawal.approvals_needed}
    if given < withdrawal.approvals_needed:
        flows.note(session, withdrawal.flow_id, withdrawal.state, detail, now=now, by=by)
        return withdrawal
    step = flows.Step(withdrawal.flow_id, WITHDRAWAL, withdrawal.state, "approved", detail)
    flows.record(session, step, now=now, by=by)
    withdrawal.state, withdrawal.state_changed_at, withdrawal.due_at = "approved", now, now
    if policy.paused:
        withdrawal.waiting_reason = WithdrawalsPaused.code
    outbox.promise(session, "withdrawals.pay", now=now)
    return withdrawal


def reject(
    session: Session, withdrawal_id: UUID, *, approver_id: UUID, reason: str, now: datetime, by: Actor
) -> Withdrawal:
    """Refuse a withdrawal and give the funds back. Raises WithdrawalNotFound, SelfApproval, WrongState."""
    withdrawal = _decidable(session, withdrawal_id, approver_id)
    before = withdrawal.state
    withdrawal.state = move(WITHDRAWAL, before, "rejected")
    withdrawal.state_changed_at = withdrawal.closed_at = now
    withdrawal.waiting_reason = None
    _record(session, withdrawal, approver_id, "reject", reason, now=now, by=by)
    alerts.clear(session, "withdrawal_waits", scope=f"withdrawal:{withdrawal_id}", now=now, reason="rejected")
    returned = returns.locked_deposits(session, [withdrawal])
    release_holds(session, [withdrawal], reason="rejected", now=now)
    returns.put_back(session, returned, now=now, by=by)
    give_back_system_day(session, withdrawal)
    step = flows.Step(withdrawal.flow_id, WITHDRAWAL, before, "rejected", {"reason": reason})
    flows.record(session, step, now=now, by=by)
    return withdrawal


def _decidable(session: Session, withdrawal_id: UUID, approver_id: UUID) -> Withdrawal:
    withdrawal = locked(session, withdrawal_id)
    if withdrawal.user_id == approver_id:
        raise SelfApproval
    return withdrawal


def _given(session: Session, withdrawal_id: UUID, approver_id: UUID) -> int:
    """How many have agreed: this one, whose right was just checked, and those others who still have it."""
    still_may = exists().where(UserRole.user_id == WithdrawalApproval.approver_id, UserRole.role.in_(MAY_APPROVE))
    counted = select(func.count()).where(
        WithdrawalApproval.withdrawal_id == withdrawal_id,
        WithdrawalApproval.decision == "approve",
        (WithdrawalApproval.approver_id == approver_id) | still_may,
    )
    return session.scalar(counted) or 0


def _record(
    session: Session,
    withdrawal: Withdrawal,
    approver_id: UUID,
    decision: str,
    reason: str | None,
    *,
    now: datetime,
    by: Actor,
) -> None:
    # Whoever approved before and rejects now has one row only, and it is append-only; the audit log has both.
    session.execute(
        insert(WithdrawalApproval)
        .values(withdrawal_id=withdrawal.id, approver_id=approver_id, decision=decision, reason=reason, decided_at=now)
        .on_conflict_do_nothing()
    )
    detail = {"withdrawal_id": str(withdrawal.id), "decision": decision, "reason": reason}
    audit.record(session, "withdrawal.decided", by=by, now=now, detail=detail)

"""Read withdrawals."""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar
from uuid import UUID

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.withdrawal import Withdrawal, WithdrawalApproval


class WithdrawalNotFound(StrongroomError):
    """There is no such withdrawal, or it is not yours to see."""

    code: ClassVar[str] = "withdrawal_not_found"


def one(session: Session, withdrawal_id: UUID, *, user_id: UUID | None = None) -> Withdrawal:
    """A withdrawal; with `user_id`, only if it is theirs. Raises WithdrawalNotFound."""
    withdrawal = session.get(Withdrawal, withdrawal_id)
    if withdrawal is None or (user_id is not None and withdrawal.user_id != user_id):
        raise WithdrawalNotFound
    return withdrawal


def locked(session: Session, withdrawal_id: UUID, *, user_id: UUID | None = None) -> Withdrawal:
    """The same, locked until the transaction ends and read afresh."""
    withdrawal = session.get(Withdrawal, withdrawal_id, with_for_update=True, populate_existing=True)
    if withdrawal is None or (user_id is not None and withdrawal.user_id != user_id):
        raise WithdrawalNotFound
    return withdrawal


def of_flow(session: Session, flow_id: UUID) -> Withdrawal:
    """The withdrawal that a flow is about. Raises WithdrawalNotFound."""
    withdrawal = session.scalars(select(Withdrawal).where(Withdrawal.flow_id == flow_id)).one_or_none()
    if withdrawal is None:
        raise WithdrawalNotFound
    return withdrawal


def newest(session: Session, user_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Withdrawal]:
    """A page of a user's withdrawals, newest first, older than `before`."""
    query = select(Withdrawal).where(Withdrawal.user_id == user_id).order_by(Withdrawal.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Withdrawal.id < before)
    return session.scalars(query).all()


def in_states(
    session: Session, states: Collection[str], *, after: UUID | None = None, limit: int = 100
) -> Sequence[Withdrawal]:
    """A page of all users' withdrawals in these states, oldest first: what operators have before them."""
    query = select(Withdrawal).where(Withdrawal.state.in_(states)).order_by(Withdrawal.id).limit(limit)
    if after is not None:
        query = query.where(Withdrawal.id > after)
    return session.scalars(query).all()


def waiting_counts(session: Session) -> Mapping[str, int]:
    """How many approved withdrawals of each asset wait to be sent; assets without any are left out."""
    waits = Withdrawal.state == literal_column("'approved'")
    query = select(Withdrawal.asset_id, func.count().label("waiting")).where(waits).group_by(Withdrawal.asset_id)
    return {row.asset_id: row.waiting for row in session.execute(query)}


def approvals_of(session: Session, withdrawal_id: UUID) -> Sequence[WithdrawalApproval]:
    """The operators' decisions about a withdrawal, oldest first."""
    return approvals_of_many(session, [withdrawal_id])[withdrawal_id]


def approvals_of_many(
    session: Session, withdrawal_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[WithdrawalApproval]]:
    """The same for each of these withdrawals, in one query."""
    found: dict[UUID, list[WithdrawalApproval]] = {withdrawal_id: [] for withdrawal_id in withdrawal_ids}
    query = select(WithdrawalApproval).where(WithdrawalApproval.withdrawal_id.in_(withdrawal_ids))
    for approval in session.scalars(query.order_by(WithdrawalApproval.decided_at)):
        found[approval.withdrawal_id].append(approval)
    return found

"""Look at deposits."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.deposit import Deposit


class DepositNotFound(StrongroomError):
    """There is no such deposit, or it is not yours to see."""

    code: ClassVar[str] = "deposit_not_found"


def one(session: Session, deposit_id: UUID, *, user_id: UUID) -> Deposit:
    """A deposit of this user. Raises DepositNotFound."""
    deposit = session.get(Deposit, deposit_id)
    if deposit is None or deposit.user_id != user_id:
        raise DepositNotFound
    return deposit


def any_one(session: Session, deposit_id: UUID) -> Deposit:
    """A deposit of any user. Raises DepositNotFound."""
    deposit = session.get(Deposit, deposit_id)
    if deposit is None:
        raise DepositNotFound
    return deposit


def newest(session: Session, user_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Deposit]:
    """A page of a user's deposits, newest first, older than `before`."""
    query = select(Deposit).where(Deposit.user_id == user_id).order_by(Deposit.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Deposit.id < before)
    return session.scalars(query).all()


def uncredited(session: Session) -> dict[str, int]:
    """What was sent to anybody here and is not credited yet, by asset, in the smallest unit: never spendable.

    Costs as much as there are such deposits, however many were credited. Assets without any are left out.
    """
    rows = session.execute(
        select(Deposit.asset_id, func.sum(Deposit.amount_minor))
        .where(Deposit.state.in_(("seen", "confirming")))
        .group_by(Deposit.asset_id)
    )
    return {asset_id: int(total) for asset_id, total in rows}


def on_its_way(session: Session, user_id: UUID) -> dict[str, int]:
    """What was sent to a user and is not credited yet, by asset, in the smallest unit: shown, never spendable."""
    rows = session.execute(
        select(Deposit.asset_id, func.sum(Deposit.amount_minor))
        .where(Deposit.user_id == user_id, Deposit.state.in_(("seen", "confirming")))
        .group_by(Deposit.asset_id)
    )
    return {asset_id: int(total) for asset_id, total in rows}

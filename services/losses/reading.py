"""Read what suspense carries, and what was proposed about it."""

from collections.abc import Sequence
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.loss import Loss

# What suspense holds of undecided deposits is owed to somebody: it is no gain, and offsets no loss.
_CARRIED: Final = text(
    """
    SELECT (
        SELECT coalesce(sum(d.amount_minor), 0)
        FROM deposits AS d JOIN deposit_quarantines AS q ON q.deposit_id = d.id
        WHERE d.asset_id = :asset_id AND d.is_quarantined
            AND q.held_transaction_id IS NOT NULL AND q.return_withdrawal_id IS NULL
    ) - coalesce(sum(posted), 0)
    FROM ledger_accounts WHERE asset_id = :asset_id AND code = 'suspense' AND owner_id IS NULL
    """
)


class LossNotFound(StrongroomError):
    """There is no such loss."""

    code: ClassVar[str] = "loss_not_found"


def carried(session: Session, asset_id: str) -> int:
    """What suspense lacks of an asset, in the smallest unit; negative where it has more than is owed."""
    return int(session.execute(_CARRIED, {"asset_id": asset_id}).scalar_one())


def one(session: Session, loss_id: UUID) -> Loss:
    """The loss with this id. Raises LossNotFound."""
    row = session.get(Loss, loss_id)
    if row is None:
        raise LossNotFound
    return row


def locked(session: Session, loss_id: UUID) -> Loss:
    """The same, locked until the transaction ends and read afresh. Raises LossNotFound."""
    row = session.get(Loss, loss_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise LossNotFound
    return row


def newest(session: Session, *, before: UUID | None = None, limit: int) -> Sequence[Loss]:
    """A page of losses, newest first, older than `before`."""
    query = select(Loss).order_by(Loss.id.desc()).limit(limit)
    return session.scalars(query if before is None else query.where(Loss.id < before)).all()

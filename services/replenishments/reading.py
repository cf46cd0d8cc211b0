"""Read orders."""

from collections.abc import Mapping, Sequence
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.chain import DepositAddress
from models.replenishment import Replenishment

OPEN = ("proposed", "approved")
CANCELLABLE = (*OPEN, "undone")
"""States in which an order may be cancelled: also when a reorganisation undid its funds, which may never come back."""


class ReplenishmentNotFound(StrongroomError):
    """There is no such replenishment."""

    code: ClassVar[str] = "replenishment_not_found"


def one(session: Session, replenishment_id: UUID) -> Replenishment:
    """The order with this id. Raises ReplenishmentNotFound."""
    row = session.get(Replenishment, replenishment_id)
    if row is None:
        raise ReplenishmentNotFound
    return row


def locked(session: Session, replenishment_id: UUID) -> Replenishment:
    """The same, held until the transaction ends. Raises ReplenishmentNotFound."""
    row = session.get(Replenishment, replenishment_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise ReplenishmentNotFound
    return row


def open_of(session: Session, asset_id: str) -> Replenishment | None:
    """The order that is open for an asset."""
    query = select(Replenishment).where(Replenishment.asset_id == asset_id, Replenishment.state.in_(OPEN))
    return session.scalars(query).one_or_none()


def newest(
    session: Session, *, asset_id: str | None = None, before: UUID | None = None, limit: int
) -> Sequence[Replenishment]:
    """A page of orders, newest first, older than `before`."""
    query = select(Replenishment).order_by(Replenishment.id.desc()).limit(limit)
    if asset_id is not None:
        query = query.where(Replenishment.asset_id == asset_id)
    if before is not None:
        query = query.where(Replenishment.id < before)
    return session.scalars(query).all()


def addresses_of(session: Session, orders: Sequence[Replenishment]) -> Mapping[UUID, str]:
    """The funding addresses of those of these orders that were approved, by order id."""
    wanted = [order.address_id for order in orders if order.address_id is not None]
    rows = session.execute(select(DepositAddress.id, DepositAddress.address).where(DepositAddress.id.in_(wanted)))
    known = {row.id: row.address for row in rows}
    return {order.id: known[order.address_id] for order in orders if order.address_id is not None}


def address_of(session: Session, order: Replenishment) -> str | None:
    """The funding address of an approved order."""
    return addresses_of(session, [order]).get(order.id)

"""Count what arrives for orders."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.house import HOUSE_ID
from domain.money import format_amount
from models.asset import Asset
from models.deposit import Deposit
from models.replenishment import Replenishment, ReplenishmentArrival
from services import flows
from services.replenishments.ordering import go
from services.replenishments.reading import locked


def count(session: Session, deposits: Sequence[Deposit], *, now: datetime, by: Actor) -> None:
    """Update orders with what was just credited, or undone, of the house's own deposits; others are ignored.

    An order is completed once the amount is credited, in however many payments. Money that no open order waits for is
    owner's equity all the same.
    """
    ours = [deposit for deposit in deposits if deposit.user_id == HOUSE_ID]
    touched: set[UUID] = set()
    for deposit in ours:
        arrival = session.get(ReplenishmentArrival, deposit.id)
        if arrival is None and deposit.state == "credited":
            arrival = ReplenishmentArrival(deposit_id=deposit.id, replenishment_id=_order_for(session, deposit))
            session.add(arrival)
            session.flush()
        if arrival is not None and arrival.replenishment_id is not None:
            touched.add(arrival.replenishment_id)
    for order_id in sorted(touched):
        _follow(session, locked(session, order_id), now=now, by=by)


def _order_for(session: Session, deposit: Deposit) -> UUID | None:
    """The order whose address was paid; where one address serves all orders, the one that is open."""
    return session.scalar(
        select(Replenishment.id)
        .where(
            Replenishment.asset_id == deposit.asset_id,
            Replenishment.address_id == deposit.address_id,
            Replenishment.state == "approved",
        )
        .with_for_update()
    )


def _follow(session: Session, order: Replenishment, *, now: datetime, by: Actor) -> None:
    received_minor = int(
        session.scalar(
            select(func.coalesce(func.sum(Deposit.amount_minor), 0))
            .join(ReplenishmentArrival, ReplenishmentArrival.deposit_id == Deposit.id)
            .where(ReplenishmentArrival.replenishment_id == order.id, Deposit.state == "credited")
        )
        or 0
    )
    decimals = session.get_one(Asset, order.asset_id).decimals
    detail = {"received": format_amount(received_minor, decimals)}
    is_enough = received_minor >= order.amount_minor
    if order.state == "completed" and not is_enough:
        go(session, order, "undone", detail, now=now, by=by)
        order.received_minor = received_minor
    elif order.state in {"approved", "undone"} and is_enough:
        order.received_minor = received_minor
        go(session, order, "completed", detail, now=now, by=by)
    else:
        order.received_minor = received_minor
        flows.note(session, order.flow_id, order.state, detail, now=now, by=by)
    session.flush()

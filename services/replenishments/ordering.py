"""Propose an order, and decide about it."""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError, ensure
from domain.flows import REPLENISHMENT, WrongState, move
from domain.house import HOUSE_ID
from domain.ids import new_id
from models.replenishment import Replenishment
from models.user import User
from services import addresses, assets, audit, flows
from services.replenishments.reading import CANCELLABLE, OPEN, ReplenishmentNotFound, locked, open_of

__all__ = ["ReplenishmentNotFound", "ReplenishmentOpen", "approve", "cancel", "expire_due", "propose"]
PROPOSED_FOR = timedelta(days=1)
APPROVED_FOR = timedelta(days=3)
EXPIRED_MAX = 100


class ReplenishmentOpen(StrongroomError):
    """There is already an open replenishment of this asset."""

    code: ClassVar[str] = "replenishment_open"


def propose(
    session: Session, asset_id: str, amount_minor: int, *, reason: str, now: datetime, by: Actor
) -> Replenishment:
    """Ask operators to fund a buffer. Raises UnknownAsset, ReplenishmentOpen."""
    ensure(amount_minor > 0, "a replenishment is of something")
    # A concurrent proposal for the same asset waits here, and then finds this one.
    session.refresh(assets.get(session, asset_id), with_for_update={"key_share": True})
    if open_of(session, asset_id) is not None:
        raise ReplenishmentOpen
    opening = flows.Opening(REPLENISHMENT, "proposed", None, asset_id, amount_minor, {"reason": reason})
    [flow_id] = flows.open_many(session, [opening], now=now, by=by)
    order = Replenishment(
        id=new_id(),
        asset_id=asset_id,
        amount_minor=amount_minor,
        received_minor=0,
        state="proposed",
        reason=reason,
        proposed_at=now,
        proposed_by=by.name,
        expires_at=now + PROPOSED_FOR,
        flow_id=flow_id,
    )
    session.add(order)
    session.flush()
    detail = {"replenishment_id": str(order.id), "asset_id": asset_id, "amount_minor": str(amount_minor)}
    audit.record(session, "replenishment.proposed", by=by, now=now, detail={**detail, "reason": reason})
    return order


def approve(session: Session, replenishment_id: UUID, *, now: datetime, by: Actor) -> Replenishment:
    """Agree to fund a buffer; the order then has an address of the house to pay to.

    Raises ReplenishmentNotFound, WrongState, AddressPoolEmpty.
    """
    order = locked(session, replenishment_id)
    if order.state != "proposed":
        raise WrongState(f"this replenishment is {order.state}; only a proposed one is approved")
    _ensure_house(session, now=now)
    address = addresses.issue(session, user_id=HOUSE_ID, asset_id=order.asset_id, now=now, by=by)
    order.address_id, order.approved_at, order.approved_by = address.id, now, by.name
    order.expires_at = now + APPROVED_FOR
    go(session, order, "approved", {"address": address.address}, now=now, by=by)
    detail = {"replenishment_id": str(order.id), "address": address.address}
    audit.record(session, "replenishment.approved", by=by, now=now, detail=detail)
    return order


def cancel(session: Session, replenishment_id: UUID, *, reason: str, now: datetime, by: Actor) -> Replenishment:
    """Cancel an order, also one whose funds a reorganisation undid. What arrives for it all the same is the house's.

    Raises ReplenishmentNotFound, WrongState.
    """
    order = locked(session, replenishment_id)
    if order.state not in CANCELLABLE:
        raise WrongState(f"this replenishment is {order.state}; there is nothing to cancel")
    go(session, order, "cancelled", {"reason": reason}, now=now, by=by)
    order.closed_because = reason
    detail = {"replenishment_id": str(order.id), "reason": reason}
    audit.record(session, "replenishment.cancelled", by=by, now=now, detail=detail)
    return order


def expire_due(session: Session, *, now: datetime, by: Actor) -> int:
    """Expire the orders that were not approved, or not funded, in time. Returns how many."""
    late = session.scalars(
        select(Replenishment)
        .where(Replenishment.state.in_(OPEN), Replenishment.expires_at <= now)
        .order_by(Replenishment.id)
        .limit(EXPIRED_MAX)
        .with_for_update(skip_locked=True)
    ).all()
    for order in late:
        order.closed_because = f"nobody {'approved' if order.state == 'proposed' else 'funded'} it in time"
        go(session, order, "expired", {"reason": order.closed_because}, now=now, by=by)
    return len(late)


def go(session: Session, order: Replenishment, state: str, detail: dict[str, str], *, now: datetime, by: Actor) -> None:
    """Move a locked order and its flow. Raises WrongState."""
    step = flows.Step(order.flow_id, REPLENISHMENT, order.state, state, detail)
    order.state = move(REPLENISHMENT, order.state, state)
    order.closed_at = now if REPLENISHMENT.closed(state) else None
    session.flush()
    flows.record(session, step, now=now, by=by)


def _ensure_house(session: Session, *, now: datetime) -> None:
    values = {"id": HOUSE_ID, "public_key": "house", "display_name": "The house", "created_at": now}
    session.execute(insert(User).values(values).on_conflict_do_nothing())

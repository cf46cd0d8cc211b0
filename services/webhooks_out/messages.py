"""The log of what was sent where, and sending it again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from domain import webhooks
from domain.actor import Actor
from domain.errors import StrongroomError
from domain.ids import new_id
from models import dropping
from models.webhook_out import WebhookAttempt, WebhookDelivery
from services import audit
from services.webhooks_out import endpoints
from services.webhooks_out.endpoints import Owner

KEPT: Final = timedelta(days=30)


class WebhookDeliveryNotFound(StrongroomError):
    """There is no such message of this endpoint, or it is so old that it was deleted."""

    code: ClassVar[str] = "webhook_delivery_not_found"


def deliveries(
    session: Session,
    owner: Owner,
    endpoint_id: UUID,
    *,
    limit: int,
    before: UUID | None = None,
    state: str | None = None,
) -> Sequence[WebhookDelivery]:
    """Messages to an endpoint, newest first. Raises WebhookEndpointNotFound."""
    endpoints.one(session, owner, endpoint_id)
    query = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if before is not None:
        query = query.where(WebhookDelivery.id < before)
    if state is not None:
        query = query.where(WebhookDelivery.state == state)
    return session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit)).all()


def delivery(
    session: Session, owner: Owner, endpoint_id: UUID, delivery_id: UUID, *, lock: bool = False
) -> WebhookDelivery:
    """One message. Raises WebhookEndpointNotFound, WebhookDeliveryNotFound."""
    endpoints.one(session, owner, endpoint_id, lock=lock)
    query = select(WebhookDelivery).where(WebhookDelivery.id == delivery_id, WebhookDelivery.endpoint_id == endpoint_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise WebhookDeliveryNotFound
    return row


def attempts_of(session: Session, delivery_ids: Sequence[UUID]) -> dict[UUID, list[WebhookAttempt]]:
    """Every attempt of these messages, oldest first."""
    found: dict[UUID, list[WebhookAttempt]] = {delivery_id: [] for delivery_id in delivery_ids}
    query = select(WebhookAttempt).where(WebhookAttempt.delivery_id.in_(delivery_ids)).order_by(WebhookAttempt.id)
    for row in session.scalars(query):
        found[row.delivery_id].append(row)
    return found


def redeliver(
    session: Session, owner: Owner, endpoint_id: UUID, delivery_id: UUID, *, now: datetime, by: Actor
) -> WebhookDelivery:
    """Send one message again, under its id, whatever became of it. Raises as `delivery` does."""
    row = delivery(session, owner, endpoint_id, delivery_id, lock=True)
    for name, value in _again(now).items():
        setattr(row, name, value)
    row.lease_generation += 1
    session.flush()
    detail = {"endpoint_id": str(endpoint_id), "delivery_id": str(delivery_id)}
    audit.record(session, "webhook.redelivered", by=by, now=now, detail=detail)
    return row


def redeliver_since(
    session: Session,
    owner: Owner,
    endpoint_id: UUID,
    *,
    since: datetime,
    only_failed: bool,
    now: datetime,
    by: Actor,
) -> int:
    """Send again everything that happened since a moment, or only what was given up. Returns how many messages.

    Raises WebhookEndpointNotFound.
    """
    endpoints.one(session, owner, endpoint_id, lock=True)
    states = ("failed",) if only_failed else ("failed", "delivered")
    found = session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.occurred_at >= since)
        .where(WebhookDelivery.state.in_(states), WebhookDelivery.event_type != webhooks.TEST)
        .values(lease_generation=WebhookDelivery.lease_generation + 1, **_again(now))
        .returning(WebhookDelivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    detail = {"endpoint_id": str(endpoint_id), "since": since.isoformat(), "count": len(found)}
    audit.record(session, "webhook.redelivered", by=by, now=now, detail=detail)
    return len(found)


def send_test(session: Session, owner: Owner, endpoint_id: UUID, *, now: datetime) -> WebhookDelivery:
    """Send an endpoint a test event. Raises WebhookEndpointNotFound."""
    endpoint = endpoints.one(session, owner, endpoint_id)
    event_id = f"test-{new_id()}"
    row = WebhookDelivery(
        id=new_id(), endpoint_id=endpoint.id, event_id=event_id, event_type=webhooks.TEST, occurred_at=now,
        created_at=now, state="waiting", first_due_at=now, due_at=now,
        event={
            "id": event_id,
            "type": webhooks.TEST,
            "object": {"kind": "endpoint", "id": str(endpoint.id)},
            "sequence": int(now.timestamp() * 1000),
            "occurred_at": now.isoformat().replace("+00:00", "Z"),
            "user_id": None,
            "data": {"words": "This is a test. Nothing happened."},
        },
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def forget_old(session: Session, *, now: datetime) -> int:
    """Drop some old messages with their attempts; returns how many."""
    is_over = WebhookDelivery.state != "waiting"
    return dropping.some(session, WebhookDelivery, WebhookDelivery.created_at < now - KEPT, is_over)


def _again(now: datetime) -> dict[str, Any]:
    return {
        "state": "waiting", "first_due_at": now, "due_at": now, "attempts": 0, "error": None, "delivered_at": None,
        "lease_owner": None, "lease_until": None,
    }  # fmt: skip

"""Webhook deliveries: messages, attempts and redelivery."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import signed_in
from api.limits import limited
from api.request_context import container
from api.schemas import PageQuery, StrictSchema, id_cursor, json_answer, moment, page, page_schema
from api.v1.webhook_endpoints import HOUSE, WhoseQuery, doer_for, owner_of
from models.webhook_out import WebhookAttempt, WebhookDelivery
from services import webhooks_out

blueprint = Blueprint("webhook-deliveries", __name__, description="What those addresses were sent.")
STATES = ("waiting", "delivered", "failed")


class DeliveryQuery(PageQuery):
    """Which messages."""

    house = ma.fields.Boolean(load_default=False, metadata=HOUSE)
    state = ma.fields.String(load_default=None, validate=ma.validate.OneOf(STATES))


class WebhookRedelivery(StrictSchema):
    """Which messages to redeliver."""

    since = ma.fields.AwareDateTime(required=True, format="iso")
    only_failed = ma.fields.Boolean(load_default=True)


class WebhookAttemptItem(ma.Schema):
    """One attempt and its outcome."""

    at = ma.fields.DateTime(required=True)
    status = ma.fields.Integer(required=True, allow_none=True)
    error = ma.fields.String(required=True, allow_none=True)
    excerpt = ma.fields.String(required=True, metadata={"description": "The beginning of the answer's body."})
    duration_ms = ma.fields.Integer(required=True)


class WebhookDeliveryItem(ma.Schema):
    """One message and its delivery attempts."""

    id = ma.fields.UUID(required=True)
    event_id = ma.fields.String(required=True, metadata={"description": "What `webhook-id` says."})
    type = ma.fields.String(required=True)
    event = ma.fields.Dict(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(STATES))
    error = ma.fields.String(required=True, allow_none=True)
    occurred_at = ma.fields.DateTime(required=True)
    due_at = ma.fields.DateTime(required=True, allow_none=True)
    delivered_at = ma.fields.DateTime(required=True, allow_none=True)
    attempts = ma.fields.List(ma.fields.Nested(WebhookAttemptItem), required=True)


class WebhookRedelivered(ma.Schema):
    """How many messages are redelivered."""

    count = ma.fields.Integer(required=True)


@blueprint.post("/webhook-endpoints/<uuid:endpoint_id>/test")
@signed_in
@limited("sign_in")
@blueprint.takes(WhoseQuery, location="query")
@blueprint.answers(202, WebhookDeliveryItem)
def try_endpoint(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """Send the endpoint a test event."""
    parts, owner = container(), owner_of(query, change=True)
    with parts.transaction() as session:
        row = webhooks_out.send_test(session, owner, endpoint_id, now=parts.now())
    return json_answer(_delivery(row, []), 202)


@blueprint.post("/webhook-endpoints/<uuid:endpoint_id>/redeliver")
@signed_in
@limited("sign_in")
@blueprint.takes(WhoseQuery, location="query")
@blueprint.takes(WebhookRedelivery)
@blueprint.answers(202, WebhookRedelivered)
def redeliver_since(query: dict[str, Any], body: dict[str, Any], endpoint_id: UUID) -> Response:
    """Redeliver an endpoint's messages since a time."""
    parts, owner = container(), owner_of(query, change=True)
    with parts.transaction() as session:
        count = webhooks_out.redeliver_since(session, owner, endpoint_id, **body, now=parts.now(), by=doer_for(owner))
    return json_answer({"count": count}, 202)


@blueprint.get("/webhook-endpoints/<uuid:endpoint_id>/deliveries")
@signed_in
@blueprint.takes(DeliveryQuery, location="query")
@blueprint.answers(200, page_schema("WebhookDeliveryPage", WebhookDeliveryItem))
def list_deliveries(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """List an endpoint's messages, newest first, with their attempts."""
    owner, before = owner_of(query, change=False), id_cursor(query["cursor"])
    with container().reading() as session:
        rows = webhooks_out.deliveries(
            session, owner, endpoint_id, limit=query["limit"] + 1, before=before, state=query["state"]
        )
        attempts = webhooks_out.attempts_of(session, [row.id for row in rows])
    return json_answer(page(rows, query["limit"], lambda row: _delivery(row, attempts[row.id]), lambda row: row.id))


@blueprint.post("/webhook-endpoints/<uuid:endpoint_id>/deliveries/<uuid:delivery_id>/redeliver")
@signed_in
@limited("sign_in")
@blueprint.takes(WhoseQuery, location="query")
@blueprint.answers(202, WebhookDeliveryItem)
def redeliver_one(query: dict[str, Any], endpoint_id: UUID, delivery_id: UUID) -> Response:
    """Redeliver one message under the same id."""
    parts, owner = container(), owner_of(query, change=True)
    with parts.transaction() as session:
        row = webhooks_out.redeliver(session, owner, endpoint_id, delivery_id, now=parts.now(), by=doer_for(owner))
    return json_answer(_delivery(row, []), 202)


def _delivery(row: WebhookDelivery, attempts: list[WebhookAttempt]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "event_id": row.event_id,
        "type": row.event_type,
        "event": row.event,
        "state": row.state,
        "error": row.error,
        "occurred_at": moment(row.occurred_at),
        "due_at": moment(row.due_at),
        "delivered_at": moment(row.delivered_at),
        "attempts": [
            {
                "at": moment(attempt.at),
                "status": attempt.status,
                "error": attempt.error,
                "excerpt": attempt.excerpt,
                "duration_ms": attempt.duration_ms,
            }
            for attempt in attempts
        ],
    }

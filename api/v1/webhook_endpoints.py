"""Webhook endpoints."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response

from api.access import provider
from api.blueprint import Blueprint
from api.guards import caller, person, signed_in
from api.refusals import InvalidRequest, RoleMissing
from api.request_context import actor, container, operator
from api.schemas import StrictSchema, Text, json_answer, moment
from auth.oauth import clients
from domain import webhooks
from domain.actor import Actor
from models.webhook_out import WebhookEndpoint
from services import webhooks_out
from services.webhooks_out import Owner

blueprint = Blueprint("webhook-endpoints", __name__, description="Addresses that are told what happens.")
HOUSE = {"description": "The house's own endpoints, which are told everything: viewers read, admins change."}


class WhoseQuery(StrictSchema):
    """Whose endpoints."""

    house = ma.fields.Boolean(load_default=False, metadata=HOUSE)


class WebhookEndpointBody(StrictSchema):
    """A new endpoint."""

    url = Text(required=True, length_max=webhooks.URL_LENGTH_MAX, metadata={"example": "https://shop.example/hooks"})
    kinds = ma.fields.List(
        Text(length_max=64),
        required=True,
        validate=ma.validate.Length(min=1, max=len(webhooks.TYPES)),
        metadata={"example": ["deposit.credited", "withdrawal.*"], "description": "Types of events, `deposit.*`, `*`."},
    )
    description = Text(load_default="", length_min=0, length_max=120)
    client_id = Text(
        load_default=None,
        allow_none=True,
        metadata={"description": "An app that you make: it is told what its users let it see."},
    )


class WebhookEndpointChange(StrictSchema):
    """The changes; fields left out stay as they are."""

    url = Text(length_max=webhooks.URL_LENGTH_MAX)
    kinds = ma.fields.List(Text(length_max=64), validate=ma.validate.Length(min=1, max=len(webhooks.TYPES)))
    description = Text(length_min=0, length_max=120)


class WebhookEndpointItem(ma.Schema):
    """One endpoint."""

    id = ma.fields.UUID(required=True)
    url = ma.fields.String(required=True)
    kinds = ma.fields.List(ma.fields.String(), required=True)
    description = ma.fields.String(required=True)
    is_of_app = ma.fields.Boolean(required=True)
    created_at = ma.fields.DateTime(required=True)
    disabled_at = ma.fields.DateTime(required=True, allow_none=True)
    disabled_because = ma.fields.String(
        required=True, allow_none=True, validate=ma.validate.OneOf(("gone", "failing", "owner"))
    )
    failing_since = ma.fields.DateTime(required=True, allow_none=True)
    previous_secret_until = ma.fields.DateTime(required=True, allow_none=True)


class WebhookEndpointWithSecret(WebhookEndpointItem):
    """One endpoint with its signing secret, which is shown this once."""

    secret = ma.fields.String(required=True)


class WebhookEndpointList(ma.Schema):
    """All endpoints, oldest first."""

    items = ma.fields.List(ma.fields.Nested(WebhookEndpointItem), required=True)


@blueprint.get("/webhook-endpoints")
@signed_in
@blueprint.takes(WhoseQuery, location="query")
@blueprint.answers(200, WebhookEndpointList)
def list_endpoints(query: dict[str, Any]) -> Response:
    """List the caller's endpoints."""
    owner = owner_of(query, change=False)
    with container().reading() as session:
        rows = webhooks_out.of_owner(session, owner)
    return json_answer({"items": [_shape(row) for row in rows]})


@blueprint.post("/webhook-endpoints")
@signed_in
@blueprint.takes(WhoseQuery, location="query")
@blueprint.takes(WebhookEndpointBody)
@blueprint.answers(201, WebhookEndpointWithSecret)
def create_endpoint(query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Create an endpoint for events from now on."""
    parts, owner = container(), owner_of(query, change=True)
    client_id = body.pop("client_id")
    if client_id is not None and owner.user_id is None:
        raise InvalidRequest("client_id: the house is no app", fields={"client_id": ["the house is no app"]})
    with parts.transaction() as session:
        app = None if client_id is None else clients.own(session, client_id, owner_id=person().user_id)
        row, secret = webhooks_out.create(
            session, owner, **body, client_id=None if app is None else app.id, box=provider(parts).box(),
            allow_private=parts.settings.webhook_private, now=parts.now(), by=doer_for(owner),
        )  # fmt: skip
    return json_answer({**_shape(row), "secret": secret}, 201)


@blueprint.get("/webhook-endpoints/<uuid:endpoint_id>")
@signed_in
@blueprint.takes(WhoseQuery, location="query")
@blueprint.answers(200, WebhookEndpointItem)
def get_endpoint(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """Read one endpoint."""
    owner = owner_of(query, change=False)
    with container().reading() as session:
        return json_answer(_shape(webhooks_out.one(session, owner, endpoint_id)))


@blueprint.post("/webhook-endpoints/<uuid:endpoint_id>")
@signed_in
@blueprint.takes(WhoseQuery, location="query")
@blueprint.takes(WebhookEndpointChange)
@blueprint.answers(200, WebhookEndpointItem)
def change_endpoint(query: dict[str, Any], body: dict[str, Any], endpoint_id: UUID) -> Response:
    """Change an endpoint's URL or events."""
    parts, owner = container(), owner_of(query, change=True)
    with parts.transaction() as session:
        row = webhooks_out.update(
            session, owner, endpoint_id, **body, allow_private=parts.settings.webhook_private, now=parts.now(),
            by=doer_for(owner),
        )  # fmt: skip
    return json_answer(_shape(row))


@blueprint.delete("/webhook-endpoints/<uuid:endpoint_id>")
@signed_in
@blueprint.takes(WhoseQuery, location="query")
@blueprint.answers(204)
def remove_endpoint(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """Delete an endpoint with all its messages."""
    parts, owner = container(), owner_of(query, change=True)
    with parts.transaction() as session:
        webhooks_out.remove(session, owner, endpoint_id, now=parts.now(), by=doer_for(owner))
    return Response(status=204)


@blueprint.post("/webhook-endpoints/<uuid:endpoint_id>/rotate-secret")
@signed_in
@blueprint.takes(WhoseQuery, location="query")
@blueprint.answers(200, WebhookEndpointWithSecret)
def rotate_secret(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """Rotate the signing secret; for a day messages carry the signatures of both."""
    parts, owner = container(), owner_of(query, change=True)
    with parts.transaction() as session:
        row, secret = webhooks_out.rotate(
            session, owner, endpoint_id, box=provider(parts).box(), now=parts.now(), by=doer_for(owner)
        )
    return json_answer({**_shape(row), "secret": secret})


@blueprint.post("/webhook-endpoints/<uuid:endpoint_id>/enable")
@signed_in
@blueprint.takes(WhoseQuery, location="query")
@blueprint.answers(200, WebhookEndpointItem)
def enable_endpoint(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """Enable an endpoint for events from now on."""
    parts, owner = container(), owner_of(query, change=True)
    with parts.transaction() as session:
        row = webhooks_out.enable(session, owner, endpoint_id, now=parts.now(), by=doer_for(owner))
    return json_answer(_shape(row))


@blueprint.post("/webhook-endpoints/<uuid:endpoint_id>/disable")
@signed_in
@blueprint.takes(WhoseQuery, location="query")
@blueprint.answers(200, WebhookEndpointItem)
def disable_endpoint(query: dict[str, Any], endpoint_id: UUID) -> Response:
    """Disable an endpoint until it is enabled again."""
    parts, owner = container(), owner_of(query, change=True)
    with parts.transaction() as session:
        row = webhooks_out.disable(session, owner, endpoint_id, now=parts.now(), by=doer_for(owner))
    return json_answer(_shape(row))


def owner_of(query: dict[str, Any], *, change: bool) -> Owner:
    """The owner of the endpoints. Raises RoleMissing."""
    if not query["house"]:
        return Owner(caller().user_id)
    needed = "admin" if change else "viewer"
    if needed not in caller().roles:
        raise RoleMissing(f"This needs the role {needed}.")
    return Owner(None)


def doer_for(owner: Owner) -> Actor:
    """The actor of the audit log: the user, or the operator for the installation's endpoints."""
    return actor() if owner.user_id is not None else operator()


def _shape(row: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "url": row.url,
        "kinds": row.kinds,
        "description": row.description,
        "is_of_app": row.client_id is not None,
        "created_at": moment(row.created_at),
        "disabled_at": moment(row.disabled_at),
        "disabled_because": row.disabled_because,
        "failing_since": moment(row.failing_since),
        "previous_secret_until": moment(row.previous_secret_until),
    }

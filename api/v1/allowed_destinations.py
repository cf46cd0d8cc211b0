"""The caller's allowlist of withdrawal destinations, for assets that require one."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import caller, signed_in
from api.request_context import actor, container
from api.schemas import StrictSchema, Text, json_answer, moment
from models.withdrawal import AllowedDestination
from services import withdrawals

blueprint = Blueprint("allowed-destinations", __name__, description="Where withdrawals may go.")


class DestinationRequest(StrictSchema):
    """An address of the asset's chain."""

    asset = Text(required=True)
    destination = ma.fields.Raw(required=True, metadata={"type": "string"})


class DestinationItem(ma.Schema):
    """One destination; it can be used once its cool-down, which starts at `added_at`, is over."""

    id = ma.fields.UUID(required=True)
    asset = ma.fields.String(required=True)
    destination = ma.fields.String(required=True)
    added_at = ma.fields.DateTime(required=True)


class DestinationList(ma.Schema):
    """The whole list, newest first."""

    items = ma.fields.List(ma.fields.Nested(DestinationItem), required=True)


@blueprint.get("/allowed-destinations")
@signed_in
@blueprint.answers(200, DestinationList)
def list_destinations() -> Response:
    """List the caller's allowed destinations."""
    with container().reading() as session:
        rows = withdrawals.allowed(session, caller().user_id)
    return json_answer({"items": [_shape(row) for row in rows]})


@blueprint.post("/allowed-destinations")
@signed_in
@blueprint.takes(DestinationRequest)
@blueprint.answers(201, DestinationItem)
def allow_destination(body: dict[str, Any]) -> Response:
    """Add a destination to the allowlist; repeating it changes nothing."""
    parts = container()
    with parts.transaction() as session:
        row = withdrawals.allow(
            session,
            user_id=caller().user_id,
            asset_id=body["asset"],
            destination=body["destination"],
            now=parts.now(),
            by=actor(),
        )
    return json_answer(_shape(row), 201)


@blueprint.delete("/allowed-destinations/<uuid:destination_id>")
@signed_in
@blueprint.answers(204)
def forget_destination(destination_id: UUID) -> Response:
    """Remove a destination from the allowlist; if it is not listed, nothing changes."""
    parts = container()
    with parts.transaction() as session:
        withdrawals.forget(
            session, user_id=caller().user_id, destination_id=destination_id, now=parts.now(), by=actor()
        )
    return Response(status=204)


def _shape(row: AllowedDestination) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "asset": row.asset_id,
        "destination": row.destination,
        "added_at": moment(row.added_at),
    }

"""The users whom the caller has blocked."""

from typing import Any

import marshmallow as ma
from flask import Response

from api import conversing
from api.blueprint import Blueprint
from api.guards import caller, signed_in
from api.request_context import container
from api.schemas import StrictSchema, Text, json_answer, moment
from services import blocked
from services.blocked import Listed

blueprint = Blueprint("blocked-people", __name__, description="Whom the caller hears nothing from.")


class BlockRequest(StrictSchema):
    """A user: a key, an address or a user id."""

    person = Text(required=True)


class BlockedItem(ma.Schema):
    """A blocked user, by key."""

    person = ma.fields.String(required=True)
    name = ma.fields.String(required=True, allow_none=True)
    blocked_at = ma.fields.DateTime(required=True)


class BlockedList(ma.Schema):
    """The whole list, newest first."""

    items = ma.fields.List(ma.fields.Nested(BlockedItem), required=True)


@blueprint.get("/blocked-people")
@signed_in
@blueprint.answers(200, BlockedList)
def list_blocked() -> Response:
    """List the users whom the caller has blocked."""
    with container().reading() as session:
        people = blocked.listed(session, caller().user_id)
    return json_answer({"items": [_shape(person) for person in people]})


@blueprint.post("/blocked-people")
@signed_in
@blueprint.takes(BlockRequest)
@blueprint.answers(204)
def block_person(body: dict[str, Any]) -> Response:
    """Block a user: messages between the two stop in both directions, and a call between them ends."""
    conversing.block(container(), caller(), body["person"])
    return Response(status=204)


@blueprint.delete("/blocked-people/<person>")
@signed_in
@blueprint.answers(204)
def unblock_person(person: str) -> Response:
    """Unblock a user; if they are not blocked, nothing changes."""
    conversing.unblock(container(), caller(), person)
    return Response(status=204)


def _shape(person: Listed) -> dict[str, Any]:
    return {"person": person.public_key, "name": person.name, "blocked_at": moment(person.blocked_at)}

"""The list of addresses whose payments are quarantined, and each rail's screening policy."""

from typing import Any, Final

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container, operator
from api.schemas import StrictSchema, Text, json_answer, moment
from domain.rails import RAILS
from services import screening

blueprint = Blueprint("screening", __name__, description="Whose money is not taken in.")

REASON_LENGTH_MAX: Final = 500
LISTED_MAX: Final = 1000


class ListedItem(ma.Schema):
    """One address on the list."""

    chain = ma.fields.String(required=True)
    address = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    added_at = ma.fields.DateTime(required=True)
    added_by = ma.fields.String(required=True)


class ScreeningState(ma.Schema):
    """Each rail's policy (`off`, `list`, `hook`), and a page of the list by address."""

    modes = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    items = ma.fields.List(ma.fields.Nested(ListedItem), required=True)


class ListQuery(StrictSchema):
    """Filters of the list: a rail, a search text, and the address of a rail to start after."""

    chain = ma.fields.String(load_default=None, validate=ma.validate.OneOf(sorted(RAILS)))
    search = Text(load_default="", length_min=0, length_max=130)
    after = Text(load_default="", length_min=0, length_max=130)
    after_chain = Text(load_default="", length_min=0, length_max=40)


class ListRequest(StrictSchema):
    """An address, and why its payments are quarantined."""

    chain = ma.fields.String(required=True, validate=ma.validate.OneOf(sorted(RAILS)))
    address = Text(required=True, length_max=130)
    reason = Text(required=True, length_max=REASON_LENGTH_MAX)


class ListAnswer(ma.Schema):
    """Whether the list changed."""

    changed = ma.fields.Boolean(required=True)


@blueprint.get("/operator/screening")
@role("viewer")
@blueprint.takes(ListQuery, location="query")
@blueprint.answers(200, ScreeningState)
def show(query: dict[str, Any]) -> Response:
    """Read the screening policies and a page of the list."""
    with container().reading() as session:
        after = (query["after"], query["after_chain"])
        rows = screening.listed(session, chain=query["chain"], search=query["search"], after=after, limit=LISTED_MAX)
        modes = dict(screening.modes(session))
    items = [
        {
            "chain": row.chain,
            "address": row.address,
            "reason": row.reason,
            "added_at": moment(row.added_at),
            "added_by": row.added_by,
        }
        for row in rows
    ]
    return json_answer({"modes": modes, "items": items})


@blueprint.post("/operator/screening/list")
@role("admin")
@blueprint.takes(ListRequest)
@blueprint.answers(200, ListAnswer)
def put_on(body: dict[str, Any]) -> Response:
    """Add an address to the list. Its payments that are not credited yet are screened again."""
    parts, entry = container(), (body["chain"], body["address"], body["reason"])
    with parts.transaction() as session:
        count = screening.put_on_many(session, [entry], now=parts.now(), by=operator())
    return json_answer({"changed": bool(count)})


@blueprint.post("/operator/screening/unlist")
@role("admin")
@blueprint.takes(ListRequest)
@blueprint.answers(200, ListAnswer)
def take_off(body: dict[str, Any]) -> Response:
    """Remove an address from the list. Deposits already quarantined stay so until they are decided."""
    parts = container()
    with parts.transaction() as session:
        changed = screening.take_off(
            session, body["chain"], body["address"], reason=body["reason"], now=parts.now(), by=operator()
        )
    return json_answer({"changed": changed})

"""The event streams, read from any position, by page or live."""

from typing import Any, Final

import marshmallow as ma
from flask import Response, request

from api.blueprint import Blueprint
from api.guards import caller, role
from api.request_context import container
from api.schemas import LIMIT_DEFAULT, StrictSchema, Text, json_answer
from api.v1 import streams_live
from services import streams
from services.events import Position
from services.events.shape import InvalidPosition
from services.streams import END, READ_MAX, Stream

blueprint = Blueprint("streams", __name__, description="What the chains showed and which alerts came and went.")

PACE: Final = streams_live.Pace()
_LAST: Final = "Last-Event-ID"


class StreamQuery(StrictSchema):
    """From which position, and how many."""

    after = Text(
        load_default=None,
        length_max=50,
        metadata={
            "description": "`next` or a `position` of an earlier answer, or `end` for what is still to come; without "
            "it, everything from the first row on.",
            "example": "0-0",
        },
    )
    limit = ma.fields.Integer(
        load_default=LIMIT_DEFAULT,
        strict=False,
        validate=ma.validate.Range(min=1, max=READ_MAX),
        metadata={"description": f"Rows in an answer, {READ_MAX} at most; as Server-Sent Events, rows at a time."},
    )


class StreamObject(ma.Schema):
    """The object of an event."""

    kind = ma.fields.String(required=True)
    id = ma.fields.String(required=True)


class StreamItem(ma.Schema):
    """One event. `data` has the fields of its row, which never change; `sequence` grows within one object."""

    position = ma.fields.String(required=True)
    id = ma.fields.String(required=True)
    type = ma.fields.String(required=True)
    object = ma.fields.Nested(StreamObject, required=True)
    sequence = ma.fields.Integer(required=True)
    occurred_at = ma.fields.DateTime(required=True)
    user_id = ma.fields.UUID(required=True, allow_none=True)
    data = ma.fields.Dict(required=True)


class StreamPage(ma.Schema):
    """Events, oldest first. Pass `next` as `after` for the following page, at once unless `at_end`."""

    items = ma.fields.List(ma.fields.Nested(StreamItem), required=True)
    next = ma.fields.String(required=True)
    at_end = ma.fields.Boolean(required=True)


@blueprint.get("/streams/<name>")
@role("viewer")
@blueprint.reads(
    [
        {
            "in": "header",
            "name": _LAST,
            "schema": {"type": "string"},
            "description": "With Server-Sent Events, the last `id` that was heard; comes before `after`.",
        }
    ]
)
@blueprint.takes(StreamQuery, location="query")
@blueprint.answers(200, StreamPage)
@blueprint.answers(
    200,
    {"type": "string", "description": "The same items, each with its position as `id`, for some 15 seconds."},
    content_type=streams_live.MIMETYPE,
)
def read_stream(query: dict[str, Any], name: str) -> Response:
    """Read `ops.funding_observation` or `ops.alert` from a position.

    `Accept: text/event-stream` returns Server-Sent Events.
    """
    stream, wants_events = streams.named(name), _wants_events()
    after = _place(stream, (request.headers.get(_LAST) if wants_events else None) or query["after"])
    if wants_events:
        return streams_live.tell(container().reading, stream, after, PACE, query["limit"], reader=caller().user_id)
    with container().reading() as session:
        page = streams.read(session, stream, after=after, limit=query["limit"])
    items = [streams_live.item(event) for event in page.events]
    return json_answer({"items": items, "next": streams.spell(page.next), "at_end": page.at_end})


def _wants_events() -> bool:
    offered = ["application/json", streams_live.MIMETYPE]
    return request.accept_mimetypes.best_match(offered, offered[0]) == streams_live.MIMETYPE


def _place(stream: Stream, text: str | None) -> Position:
    """The position to read from. Raises InvalidPosition."""
    if text is None:
        return stream.beginning
    if text == END:
        with container().reading() as session:
            return streams.end(session, stream)
    try:
        return stream.place(text)
    except InvalidPosition as fault:
        raise InvalidPosition(fields={"after": ["is not a position of this stream"]}) from fault

"""The state of the event log: streams, their copies, and how far each consumer has read."""

from typing import Any, Final

import marshmallow as ma
from flask import Response

from adapters.stream_copy import KEY, CopyUnavailable, StreamCopy
from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container
from api.schemas import json_answer, moment
from services import state, streams
from services.state.history import BEHIND_MAX, Written
from services.streams import STREAMS

blueprint = Blueprint("state of history", __name__, description="How far everything is written and read.")

COMPONENT: Final = "history-writer"


class StreamCopyState(ma.Schema):
    """A copy in Redis; all but its key is null while Redis does not answer."""

    key = ma.fields.String(required=True)
    position = ma.fields.String(required=True, allow_none=True)
    behind_count = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": f"How many rows the copy lacks; {BEHIND_MAX} also when it is more."},
    )
    waits_since = ma.fields.DateTime(required=True, allow_none=True)


class StreamState(ma.Schema):
    """One stream: the place, number and time of its last row, null while it is empty."""

    stream = ma.fields.String(required=True)
    position = ma.fields.String(required=True, allow_none=True)
    sequence = ma.fields.Integer(required=True, allow_none=True)
    latest_write_at = ma.fields.DateTime(required=True, allow_none=True)
    copy = ma.fields.Nested(StreamCopyState, required=True)


class ConsumerState(ma.Schema):
    """One consumer of events, the place up to which it has read, and when that last moved."""

    name = ma.fields.String(required=True)
    position = ma.fields.String(required=True)
    moved_at = ma.fields.DateTime(required=True)


class HistoryState(ma.Schema):
    """The whole state as of `at`."""

    component = ma.fields.String(required=True)
    at = ma.fields.DateTime(required=True)
    latest_funding_observation_write_at = ma.fields.DateTime(required=True, allow_none=True)
    latest_alert_write_at = ma.fields.DateTime(required=True, allow_none=True)
    streams = ma.fields.List(ma.fields.Nested(StreamState), required=True)
    consumers = ma.fields.List(ma.fields.Nested(ConsumerState), required=True)


@blueprint.get("/state/history")
@blueprint.get(f"/state/{COMPONENT}")
@role("viewer")
@blueprint.answers(200, HistoryState)
def read_history() -> Response:
    """Read the state of the event log: each stream's last row, its copy's, and the place of every consumer."""
    parts = container()
    tops = {name: _top(parts.stream_copy, name) for name in STREAMS}
    with parts.reading() as session:
        found = state.history(session, tops)
    written_at = {row.stream.name: moment(row.newest.written_at) if row.newest else None for row in found.written}
    return json_answer(
        {
            "component": COMPONENT,
            "at": moment(parts.now()),
            "latest_funding_observation_write_at": written_at["ops.funding_observation"],
            "latest_alert_write_at": written_at["ops.alert"],
            "streams": [_shape(row) for row in found.written],
            "consumers": [
                {"name": row.name, "position": f"{row.xid}-{row.source}-{row.seq}", "moved_at": moment(row.moved_at)}
                for row in found.consumers
            ],
        }
    )


def _top(copy: StreamCopy, name: str) -> str | None:
    try:
        return copy.top(name)
    except CopyUnavailable:
        return None


def _shape(row: Written) -> dict[str, Any]:
    newest, copy = row.newest, row.copy
    return {
        "stream": row.stream.name,
        "position": streams.spell(newest.position) if newest else None,
        "sequence": newest.sequence if newest else None,
        "latest_write_at": moment(newest.written_at) if newest else None,
        "copy": {
            "key": KEY + row.stream.name,
            "position": streams.spell(copy.position) if copy else None,
            "behind_count": copy.behind_count if copy else None,
            "waits_since": moment(copy.waits_since) if copy else None,
        },
    }

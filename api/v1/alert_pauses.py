"""Pause and resume the evaluation of alerts."""

from datetime import timedelta
from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container, operator
from api.schemas import StrictSchema, Text, json_answer
from api.v1.state import Pause, pause_shape
from services.alerts import pausing

blueprint = Blueprint("pauses of alerts", __name__, description="Whether somebody looks for alerts.")

REASON_LENGTH_MAX = 500
_SECONDS_MAX = int(pausing.PAUSE_MAX.total_seconds())


class PauseRequest(StrictSchema):
    """For how many seconds to pause evaluation, and why."""

    duration_s = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(60, _SECONDS_MAX))
    reason = Text(required=True, length_max=REASON_LENGTH_MAX)


@blueprint.post("/alerts/pause")
@role("admin")
@blueprint.takes(PauseRequest)
@blueprint.answers(200, Pause)
def pause(body: dict[str, Any]) -> Response:
    """Pause alert evaluation for at most a day: no rule raises or clears an alert; a critical alert shows the pause."""
    parts = container()
    with parts.transaction() as session:
        now = parts.now()
        until = now + timedelta(seconds=body["duration_s"])
        row = pausing.pause(session, until=until, reason=body["reason"], now=now, by=operator())
        shaped = pause_shape(row)
    return json_answer(shaped)


@blueprint.post("/alerts/resume")
@role("admin")
@blueprint.answers(204)
def resume() -> Response:
    """Resume alert evaluation at once."""
    parts = container()
    with parts.transaction() as session:
        pausing.resume(session, now=parts.now(), by=operator())
    return Response(status=204)

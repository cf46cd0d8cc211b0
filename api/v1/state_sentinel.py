"""The state of alert evaluation: standing alerts, the latest to end, and each rule's last evaluation."""

from datetime import datetime
from typing import Any, Final

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container
from api.schemas import json_answer, moment
from api.v1.state import Alert, Pause, alert_shape, pause_shape
from domain.alert_rules import RULES
from models.alert import OpsAlert
from models.alert_state import AlertEvaluation
from services import state

blueprint = Blueprint("state of the sentinel", __name__, description="What is wrong, and whether somebody looks.")

COMPONENT: Final = "ops-sentinel"
ACTIVE_MAX: Final = 200


class ActiveAlert(Alert):
    """A standing alert, and when its rule was last evaluated; for one raised in code, when it was raised."""

    first_raised_at = ma.fields.DateTime(required=True)
    last_evaluated_at = ma.fields.DateTime(required=True)


class Evaluation(ma.Schema):
    """A rule's last evaluation and its outcome: known, nodata or error."""

    alert_code = ma.fields.String(required=True)
    evaluated_at = ma.fields.DateTime(required=True, allow_none=True)
    outcome = ma.fields.String(required=True, allow_none=True)
    error = ma.fields.String(required=True, allow_none=True)


class Silenced(ma.Schema):
    """A code, or one scope of it, and until when it is silenced."""

    alert_code = ma.fields.String(required=True)
    service_scope = ma.fields.String(required=True, allow_none=True)
    ends_at = ma.fields.DateTime(required=True)


class SentinelState(ma.Schema):
    """The whole state as of `at`. `stalled`: no rule was evaluated for a minute, so no alert would be raised.

    While it is `paused` no rule is evaluated, so none raises or clears an alert; `pause` says until when, and why.
    """

    component = ma.fields.String(required=True)
    at = ma.fields.DateTime(required=True)
    paused = ma.fields.Boolean(required=True)
    pause = ma.fields.Nested(Pause, required=True, allow_none=True)
    stalled = ma.fields.Boolean(required=True)
    last_evaluated_at = ma.fields.DateTime(required=True, allow_none=True)
    active_count = ma.fields.Integer(required=True)
    active_alerts = ma.fields.List(ma.fields.Nested(ActiveAlert), required=True)
    latest_cleared_alerts = ma.fields.List(ma.fields.Nested(Alert), required=True)
    rules = ma.fields.List(ma.fields.Nested(Evaluation), required=True)
    silences = ma.fields.List(ma.fields.Nested(Silenced), required=True)


@blueprint.get("/state/sentinel")
@blueprint.get(f"/state/{COMPONENT}")
@role("viewer")
@blueprint.answers(200, SentinelState)
def read_sentinel() -> Response:
    """Read the standing alerts, the latest to end, and when each rule was last evaluated."""
    parts = container()
    now = parts.now()
    with parts.reading() as session:
        found = state.sentinel(session, now=now)
    looked = found.evaluations
    return json_answer(
        {
            "component": COMPONENT,
            "at": moment(now),
            "paused": found.pause is not None,
            "pause": pause_shape(found.pause),
            "stalled": found.has_stalled(now),
            "last_evaluated_at": moment(found.evaluated_at),
            "active_count": len(found.active),
            "active_alerts": [_active(row, found.last_evaluated_at(row)) for row in found.active[:ACTIVE_MAX]],
            "latest_cleared_alerts": [alert_shape(row) for row in found.cleared],
            "rules": [_rule(code, looked.get(code)) for code, rule in RULES.items() if rule.is_evaluated],
            "silences": [
                {"alert_code": row.alert_code, "service_scope": row.service_scope, "ends_at": moment(row.ends_at)}
                for row in found.silences
            ],
        }
    )


def _active(row: OpsAlert, looked_at: datetime) -> dict[str, Any]:
    return {
        **alert_shape(row),
        "first_raised_at": moment(row.raised_at),
        "last_evaluated_at": moment(looked_at),
    }


def _rule(code: str, looked: AlertEvaluation | None) -> dict[str, Any]:
    return {
        "alert_code": code,
        "evaluated_at": moment(looked.evaluated_at) if looked else None,
        "outcome": looked.outcome if looked else None,
        "error": looked.error if looked else None,
    }

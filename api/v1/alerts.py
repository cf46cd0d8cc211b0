"""Alerts: standing alerts, history, acknowledgements, silences and rules."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container, operator
from api.schemas import StrictSchema, Text, json_answer
from api.v1 import alert_answers as answers
from api.v1.alert_answers import Alerts, History, OneAlert, Rules, Silence
from api.v1.state import pause_shape
from domain.alert_rules import RULES
from services.alerts import dossier, handling, pausing

blueprint = Blueprint("alerts", __name__, description="What is wrong, and who looks after it.")

SILENCE_S_MAX: Final = 30 * 24 * 3600
SCOPE_LENGTH_MAX: Final = 200
NOTE_LENGTH_MAX: Final = 500
PAGE: Final = 100


class HistoryQuery(StrictSchema):
    """Which page of the history."""

    before = ma.fields.Integer(load_default=None, validate=ma.validate.Range(1, 2**62))


class Settlement(StrictSchema):
    """Which alert was settled, and how."""

    alert_code = Text(required=True, length_max=SCOPE_LENGTH_MAX)
    service_scope = Text(required=True, length_max=SCOPE_LENGTH_MAX)
    note = Text(required=True, length_max=NOTE_LENGTH_MAX)


class Acknowledgement(StrictSchema):
    """Which alert, and a comment."""

    alert_code = Text(required=True, length_max=SCOPE_LENGTH_MAX)
    service_scope = Text(required=True, length_max=SCOPE_LENGTH_MAX)
    note = Text(load_default="", length_min=0, length_max=NOTE_LENGTH_MAX)


class SilenceRequest(StrictSchema):
    """What to silence (a whole code, if no scope is given), for how many seconds, and why."""

    alert_code = Text(required=True, length_max=SCOPE_LENGTH_MAX)
    service_scope = Text(load_default=None, length_max=SCOPE_LENGTH_MAX)
    duration_s = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(60, SILENCE_S_MAX))
    reason = Text(required=True, length_max=NOTE_LENGTH_MAX)


@blueprint.get("/alerts")
@role("viewer")
@blueprint.answers(200, Alerts)
def standing() -> Response:
    """List the standing alerts, newest first."""
    parts = container()
    with parts.reading() as session:
        found = handling.overview(session, now=parts.now())
        silences = handling.in_force(session, now=parts.now())
        paused = pausing.current(session, now=parts.now())
    return json_answer(
        {
            "items": [answers.standing(one) for one in found],
            "silences": [answers.silence(row) for row in silences],
            "paused": pause_shape(paused),
        }
    )


@blueprint.get("/alerts/history")
@role("viewer")
@blueprint.takes(HistoryQuery, location="query")
@blueprint.answers(200, History)
def history(query: dict[str, Any]) -> Response:
    """List the transitions of alerts, newest first."""
    with container().reading() as session:
        rows = handling.history(session, before=query["before"], limit=PAGE)
    items = [answers.transition(row) for row in rows]
    return json_answer({"items": items, "next": rows[-1].seq if len(rows) == PAGE else None})


@blueprint.get("/alerts/rules")
@role("viewer")
@blueprint.answers(200, Rules)
def rules() -> Response:
    """List all rules with their last evaluation."""
    with container().reading() as session:
        looked = handling.evaluations(session)
    return json_answer({"items": [answers.rule_line(rule, looked.get(code)) for code, rule in RULES.items()]})


@blueprint.get("/alerts/<uuid:alert_event_id>")
@role("viewer")
@blueprint.answers(200, OneAlert)
def one(alert_event_id: UUID) -> Response:
    """Read the alert of this transition."""
    parts = container()
    with parts.reading() as session:
        found = dossier.of_event(session, alert_event_id, now=parts.now())
    return json_answer(answers.whole(found))


@blueprint.post("/alerts/settle")
@role("approver")
@blueprint.takes(Settlement)
@blueprint.answers(204)
def settle(body: dict[str, Any]) -> Response:
    """Settle an alert that does not clear by itself."""
    parts = container()
    with parts.transaction() as session:
        handling.settle(
            session, body["alert_code"], body["service_scope"], note=body["note"], now=parts.now(), by=operator()
        )
    return Response(status=204)


@blueprint.post("/alerts/acknowledge")
@role("approver")
@blueprint.takes(Acknowledgement)
@blueprint.answers(204)
def acknowledge(body: dict[str, Any]) -> Response:
    """Acknowledge an alert."""
    parts = container()
    with parts.transaction() as session:
        handling.acknowledge(
            session, body["alert_code"], body["service_scope"], note=body["note"], now=parts.now(), by=operator()
        )
    return Response(status=204)


@blueprint.post("/alerts/silences")
@role("admin")
@blueprint.takes(SilenceRequest)
@blueprint.answers(201, Silence)
def silence(body: dict[str, Any]) -> Response:
    """Silence a code for a while. It is still evaluated and listed."""
    parts = container()
    with parts.transaction() as session:
        now = parts.now()
        row = handling.silence(
            session,
            body["alert_code"],
            body["service_scope"],
            until=now + timedelta(seconds=body["duration_s"]),
            reason=body["reason"],
            now=now,
            by=operator(),
        )
    return json_answer(answers.silence(row), 201)


@blueprint.delete("/alerts/silences/<uuid:silence_id>")
@role("admin")
@blueprint.answers(204)
def end_silence(silence_id: UUID) -> Response:
    """End a silence early."""
    parts = container()
    with parts.transaction() as session:
        handling.end_silence(session, silence_id, now=parts.now(), by=operator())
    return Response(status=204)

"""Alerts: what stands, what was, who looks after it, what is silenced, and the rules."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container, operator
from api.schemas import StrictSchema, Text, json_answer, moment
from api.v1.state import Alert
from api.v1.state import alert_shape as shape
from domain.alert_rules import RULES, AlertRule
from models.alert_state import AlertEvaluation, AlertSilence
from services.alerts import handling

blueprint = Blueprint("alerts", __name__, description="What is wrong, and who looks after it.")

SILENCE_S_MAX: Final = 30 * 24 * 3600
SCOPE_LENGTH_MAX: Final = 200
NOTE_LENGTH_MAX: Final = 500
PAGE: Final = 100


class StandingAlert(Alert):
    """An alert that stands, who looks after it, and until when nobody is woken by it."""

    acknowledged_at = ma.fields.DateTime(required=True, allow_none=True)
    acknowledged_by = ma.fields.String(required=True, allow_none=True)
    note = ma.fields.String(required=True, allow_none=True)
    silenced_until = ma.fields.DateTime(required=True, allow_none=True)


class Silence(ma.Schema):
    """A code, or one scope of it, that wakes nobody for a while."""

    id = ma.fields.UUID(required=True)
    alert_code = ma.fields.String(required=True)
    service_scope = ma.fields.String(required=True, allow_none=True)
    begins_at = ma.fields.DateTime(required=True)
    ends_at = ma.fields.DateTime(required=True)
    reason = ma.fields.String(required=True)
    created_by = ma.fields.String(required=True)


class Alerts(ma.Schema):
    """Every alert that stands, and the silences in force."""

    items = ma.fields.List(ma.fields.Nested(StandingAlert), required=True)
    silences = ma.fields.List(ma.fields.Nested(Silence), required=True)


class Transition(Alert):
    """One raising or clearing; `seq` is its place in the history."""

    seq = ma.fields.Integer(required=True)


class History(ma.Schema):
    """Transitions, newest first; ask again with `before` set to `next`."""

    items = ma.fields.List(ma.fields.Nested(Transition), required=True)
    next = ma.fields.Integer(required=True, allow_none=True)


class Rule(ma.Schema):
    """One rule, and when it was last looked at: `outcome` is known, nodata or error, or null where it happens."""

    alert_code = ma.fields.String(required=True)
    severity = ma.fields.String(required=True)
    scope = ma.fields.String(required=True)
    meaning = ma.fields.String(required=True)
    cause = ma.fields.String(required=True)
    what_to_do = ma.fields.String(required=True)
    hold_for_s = ma.fields.Integer(required=True)
    clear_for_s = ma.fields.Integer(required=True)
    evaluated_at = ma.fields.DateTime(required=True, allow_none=True)
    outcome = ma.fields.String(required=True, allow_none=True)


class Rules(ma.Schema):
    """Every rule."""

    items = ma.fields.List(ma.fields.Nested(Rule), required=True)


class HistoryQuery(StrictSchema):
    """Which part of the history."""

    before = ma.fields.Integer(load_default=None, validate=ma.validate.Range(1, 2**62))


class Acknowledgement(StrictSchema):
    """Which alert, and what its keeper has to say."""

    alert_code = Text(required=True, length_max=SCOPE_LENGTH_MAX)
    service_scope = Text(required=True, length_max=SCOPE_LENGTH_MAX)
    note = Text(load_default="", length_min=0, length_max=NOTE_LENGTH_MAX)


class SilenceRequest(StrictSchema):
    """What is silenced (without a scope, the whole code), for how many seconds, and why."""

    alert_code = Text(required=True, length_max=SCOPE_LENGTH_MAX)
    service_scope = Text(load_default=None, length_max=SCOPE_LENGTH_MAX)
    duration_s = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(60, SILENCE_S_MAX))
    reason = Text(required=True, length_max=NOTE_LENGTH_MAX)


@blueprint.get("/alerts")
@role("viewer")
@blueprint.answers(200, Alerts)
def standing() -> Response:
    """What is wrong now, newest first."""
    parts = container()
    with parts.reading() as session:
        found = handling.overview(session, now=parts.now())
        silences = handling.in_force(session, now=parts.now())
    return json_answer({"items": [_standing(one) for one in found], "silences": [_silence(row) for row in silences]})


@blueprint.get("/alerts/history")
@role("viewer")
@blueprint.takes(HistoryQuery, location="query")
@blueprint.answers(200, History)
def history(query: dict[str, Any]) -> Response:
    """Every raising and clearing, newest first."""
    with container().reading() as session:
        rows = handling.history(session, before=query["before"], limit=PAGE)
    items = [{**shape(row), "seq": row.seq} for row in rows]
    return json_answer({"items": items, "next": rows[-1].seq if len(rows) == PAGE else None})


@blueprint.get("/alerts/rules")
@role("viewer")
@blueprint.answers(200, Rules)
def rules() -> Response:
    """What is looked for, and when it last was."""
    with container().reading() as session:
        looked = handling.evaluations(session)
    return json_answer({"items": [_rule(rule, looked.get(code)) for code, rule in RULES.items()]})


@blueprint.post("/alerts/acknowledge")
@role("approver")
@blueprint.takes(Acknowledgement)
@blueprint.answers(204)
def acknowledge(body: dict[str, Any]) -> Response:
    """Say that you look after an alert."""
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
    """Have nobody woken by a code for a while. It is looked at and shown all the same."""
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
    return json_answer(_silence(row), 201)


@blueprint.delete("/alerts/silences/<uuid:silence_id>")
@role("admin")
@blueprint.answers(204)
def end_silence(silence_id: UUID) -> Response:
    """End a silence before its time."""
    parts = container()
    with parts.transaction() as session:
        handling.end_silence(session, silence_id, now=parts.now(), by=operator())
    return Response(status=204)


def _standing(one: handling.Standing) -> dict[str, Any]:
    said, row = one.acknowledged, one.row
    return {
        **shape(row),
        "acknowledged_at": moment(said.acknowledged_at) if said else None,
        "acknowledged_by": said.acknowledged_by if said else None,
        "note": said.note if said else None,
        "silenced_until": moment(one.silenced_until),
    }


def _silence(row: AlertSilence) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "alert_code": row.alert_code,
        "service_scope": row.service_scope,
        "begins_at": moment(row.begins_at),
        "ends_at": moment(row.ends_at),
        "reason": row.reason,
        "created_by": row.created_by,
    }


def _rule(rule: AlertRule, looked: AlertEvaluation | None) -> dict[str, Any]:
    return {
        "alert_code": rule.code,
        "severity": rule.severity,
        "scope": rule.scope,
        "meaning": rule.meaning,
        "cause": rule.cause,
        "what_to_do": rule.what_to_do,
        "hold_for_s": int(rule.hold_for.total_seconds()),
        "clear_for_s": int(rule.clear_for.total_seconds()),
        "evaluated_at": moment(looked.evaluated_at) if looked else None,
        "outcome": looked.outcome if looked else None,
    }

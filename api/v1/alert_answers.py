"""Schemas of the answers about alerts, and the functions that fill them."""

from typing import Any

import marshmallow as ma

from api.schemas import moment
from api.v1.state import Alert, Pause, alert_shape
from domain.alert_rules import AlertRule
from models.alert import OpsAlert
from models.alert_state import AlertEvaluation, AlertSilence
from services.alerts import handling
from services.alerts.dossier import Dossier


class StandingAlert(Alert):
    """A standing alert, who acknowledged it, and until when it is silenced."""

    acknowledged_at = ma.fields.DateTime(required=True, allow_none=True)
    acknowledged_by = ma.fields.String(required=True, allow_none=True)
    note = ma.fields.String(required=True, allow_none=True)
    silenced_until = ma.fields.DateTime(required=True, allow_none=True)


class Silence(ma.Schema):
    """A code, or one scope of it, that is silenced for a while."""

    id = ma.fields.UUID(required=True)
    alert_code = ma.fields.String(required=True)
    service_scope = ma.fields.String(required=True, allow_none=True)
    begins_at = ma.fields.DateTime(required=True)
    ends_at = ma.fields.DateTime(required=True)
    reason = ma.fields.String(required=True)
    created_by = ma.fields.String(required=True)


class Alerts(ma.Schema):
    """Every standing alert, the active silences, and any pause of evaluation: during one, no alert means nothing."""

    items = ma.fields.List(ma.fields.Nested(StandingAlert), required=True)
    silences = ma.fields.List(ma.fields.Nested(Silence), required=True)
    paused = ma.fields.Nested(Pause, required=True, allow_none=True)


class Transition(Alert):
    """One transition, raised or cleared; `seq` is its place in the history."""

    seq = ma.fields.Integer(required=True)


class History(ma.Schema):
    """Transitions, newest first; pass `next` as `before` for the following page."""

    items = ma.fields.List(ma.fields.Nested(Transition), required=True)
    next = ma.fields.Integer(required=True, allow_none=True)


class Rule(ma.Schema):
    """One rule and its last evaluation: `outcome` is known, nodata or error; null for a rule raised in code."""

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
    may_be_settled = ma.fields.Boolean(required=True)


class Rules(ma.Schema):
    """Every rule."""

    items = ma.fields.List(ma.fields.Nested(Rule), required=True)


class OneAlert(StandingAlert):
    """One alert, standing or not: its newest transition, its rule, its earlier transitions, and its subject.

    `state` is its state between two evaluations: pending, firing or recovering, or null. `flow_ids` are the flows
    that it names. `may_be_settled` says whether an operator can settle it.
    """

    state = ma.fields.String(required=True, allow_none=True)
    looked_at = ma.fields.DateTime(required=True, allow_none=True)
    meaning = ma.fields.String(required=True, allow_none=True)
    cause = ma.fields.String(required=True, allow_none=True)
    what_to_do = ma.fields.String(required=True, allow_none=True)
    may_be_settled = ma.fields.Boolean(required=True)
    flow_ids = ma.fields.List(ma.fields.UUID(), required=True)
    silences = ma.fields.List(ma.fields.Nested(Silence), required=True)
    transitions = ma.fields.List(ma.fields.Nested(Transition), required=True)


def standing(one: handling.Standing) -> dict[str, Any]:
    """A standing alert."""
    said, row = one.acknowledged, one.row
    return {
        **alert_shape(row),
        "acknowledged_at": moment(said.acknowledged_at) if said else None,
        "acknowledged_by": said.acknowledged_by if said else None,
        "note": said.note if said else None,
        "silenced_until": moment(one.silenced_until),
    }


def transition(row: OpsAlert) -> dict[str, Any]:
    """One transition."""
    return {**alert_shape(row), "seq": row.seq}


def whole(found: Dossier) -> dict[str, Any]:
    """One alert with everything on record about it."""
    rule, state = found.rule, found.state
    until = max((row.ends_at for row in found.silences), default=None)
    return {
        **standing(handling.Standing(found.newest, found.acknowledged, until)),
        "state": state.state if state else None,
        "looked_at": moment(state.looked_at) if state else None,
        "meaning": rule.meaning if rule else None,
        "cause": rule.cause if rule else None,
        "what_to_do": rule.what_to_do if rule else None,
        "may_be_settled": found.ends_by_word,
        "flow_ids": [str(flow.group_id) for flow in found.flows],
        "silences": [silence(row) for row in found.silences],
        "transitions": [transition(row) for row in found.transitions],
    }


def silence(row: AlertSilence) -> dict[str, Any]:
    """One silence."""
    return {
        "id": str(row.id),
        "alert_code": row.alert_code,
        "service_scope": row.service_scope,
        "begins_at": moment(row.begins_at),
        "ends_at": moment(row.ends_at),
        "reason": row.reason,
        "created_by": row.created_by,
    }


def rule_line(rule: AlertRule, looked: AlertEvaluation | None) -> dict[str, Any]:
    """One rule and its last evaluation."""
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
        "may_be_settled": rule.may_be_settled,
    }

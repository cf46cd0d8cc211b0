"""The state of the whole installation in one answer, for operators and their tools."""

from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container
from api.schemas import json_answer, moment
from api.v1.observers import Observer, WithdrawalSwitch
from api.v1.observers import shape as observer_shape
from models.alert import OpsAlert
from models.alert_state import AlertPause
from models.work import Heartbeat
from services import alerts, assets, chains, heartbeats
from services.alerts import pausing

blueprint = Blueprint("state", __name__, description="Observers, queues, alerts, switches.")


class Queue(ma.Schema):
    """When a task last ran from a queue."""

    queue = ma.fields.String(required=True)
    ran_at = ma.fields.DateTime(required=True)
    worker = ma.fields.String(required=True)


class Alert(ma.Schema):
    """A standing alert."""

    alert_event_id = ma.fields.UUID(required=True)
    alert_code = ma.fields.String(required=True)
    status = ma.fields.String(required=True)
    severity = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    service_scope = ma.fields.String(required=True)
    pair = ma.fields.String(required=True, allow_none=True)
    asset_id = ma.fields.String(required=True, allow_none=True)
    tx_hash = ma.fields.String(required=True, allow_none=True)
    raised_at = ma.fields.DateTime(required=True)
    cleared_at = ma.fields.DateTime(required=True, allow_none=True)
    details = ma.fields.Dict(required=True)


class Pause(ma.Schema):
    """A pause of alert evaluation until `ends_at`, during which no rule raises an alert."""

    paused_at = ma.fields.DateTime(required=True)
    ends_at = ma.fields.DateTime(required=True)
    paused_by = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)


class State(ma.Schema):
    """The whole state as of `at`."""

    at = ma.fields.DateTime(required=True)
    observers = ma.fields.List(ma.fields.Nested(Observer), required=True)
    queues = ma.fields.List(ma.fields.Nested(Queue), required=True)
    withdrawals = ma.fields.List(ma.fields.Nested(WithdrawalSwitch), required=True)
    alerts = ma.fields.List(ma.fields.Nested(Alert), required=True)
    alerts_paused = ma.fields.Nested(Pause, required=True, allow_none=True)


@blueprint.get("/state")
@role("viewer")
@blueprint.answers(200, State)
def read_state() -> Response:
    """Read the state of the installation: observers, queues, pauses and alerts."""
    parts = container()
    with parts.reading() as session:
        body = {
            "at": moment(parts.now()),
            "observers": [observer_shape(cursor) for cursor in chains.every(session)],
            "queues": [_queue(beat) for beat in heartbeats.every(session)],
            "withdrawals": [
                {"asset": asset.asset_id, "paused": assets.policy(session, asset.asset_id).paused}
                for asset in assets.every(session)
            ],
            "alerts": [alert_shape(row) for row in alerts.standing(session)],
            "alerts_paused": pause_shape(pausing.current(session, now=parts.now())),
        }
    return json_answer(body)


def _queue(beat: Heartbeat) -> dict[str, Any]:
    return {"queue": beat.queue, "ran_at": moment(beat.ran_at), "worker": beat.worker}


def pause_shape(row: AlertPause | None) -> dict[str, Any] | None:
    """A pause, for operators and their tools; None while alerts are evaluated."""
    if row is None:
        return None
    return {
        "paused_at": moment(row.paused_at),
        "ends_at": moment(row.ends_at),
        "paused_by": row.paused_by,
        "reason": row.reason,
    }


def alert_shape(row: OpsAlert) -> dict[str, Any]:
    """An alert, or one transition of it, for operators and their tools."""
    return {
        "alert_event_id": str(row.alert_event_id),
        "alert_code": row.alert_code,
        "status": row.status,
        "severity": row.severity,
        "reason": row.reason,
        "service_scope": row.service_scope,
        "pair": row.pair,
        "asset_id": row.asset_id,
        "tx_hash": row.tx_hash,
        "raised_at": moment(row.raised_at),
        "cleared_at": moment(row.cleared_at),
        "details": row.details,
    }

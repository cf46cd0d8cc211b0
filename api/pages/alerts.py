"""The operator's page of alerts: standing alerts, acknowledgements, silences and history."""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request

from api import guards
from api.guards import role
from api.pages.alert import ALERTS, show_alert
from api.pages.context import page, see
from api.request_context import container, operator
from api.statuses import status_of
from domain.alert_rules import RULES
from domain.errors import StrongroomError
from services.alerts import handling, pausing

blueprint = Blueprint("alerts-page", __name__)

SHOWN_MAX: Final = 50
TEXT_MAX: Final = 500
HOURS_MAX: Final = 720


@blueprint.get(ALERTS)
@role("viewer")
def show() -> Response:
    """Show the standing alerts, the silences and the latest history."""
    return _page()


@blueprint.post(f"{ALERTS}/acknowledge")
@role("approver")
def acknowledge() -> Response:
    """Acknowledge an alert."""
    parts = container()
    try:
        with parts.transaction() as session:
            handling.acknowledge(
                session, _said("code"), _said("scope"), note=_said("note"), now=parts.now(), by=operator()
            )
    except StrongroomError as refusal:
        return _again(f"Nothing was changed: {refusal}", status_of(type(refusal)))
    return _back()


@blueprint.post(f"{ALERTS}/settle")
@role("approver")
def settle() -> Response:
    """Settle an alert that does not clear by itself."""
    parts, note = container(), _said("note")
    if not note:
        return _again("Nothing was changed: say how it was settled.", HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        with parts.transaction() as session:
            handling.settle(session, _said("code"), _said("scope"), note=note, now=parts.now(), by=operator())
    except StrongroomError as refusal:
        return _again(f"Nothing was changed: {refusal}", status_of(type(refusal)))
    return _back()


@blueprint.post(f"{ALERTS}/silence")
@role("admin")
def silence() -> Response:
    """Silence one scope of a code for some hours."""
    parts, hours = container(), request.form.get("hours", type=int) or 0
    code, scope, reason = _said("code"), _said("scope"), _said("reason")
    if not (code and scope and reason and 0 < hours <= HOURS_MAX):
        told = f"Nothing was changed: a silence has a reason and lasts 1 to {HOURS_MAX} hours."
        return _again(told, HTTPStatus.UNPROCESSABLE_ENTITY)
    with parts.transaction() as session:
        now = parts.now()
        until: datetime = now + timedelta(hours=hours)
        handling.silence(session, code, scope, until=until, reason=reason, now=now, by=operator())
    return _back()


@blueprint.post(f"{ALERTS}/silences/<uuid:silence_id>/end")
@role("admin")
def end_silence(silence_id: UUID) -> Response:
    """End a silence early."""
    parts = container()
    try:
        with parts.transaction() as session:
            handling.end_silence(session, silence_id, now=parts.now(), by=operator())
    except StrongroomError as refusal:
        return _again(f"Nothing was changed: {refusal}", status_of(type(refusal)))
    return _back()


def _event() -> UUID | None:
    """The alert whose page sent the form, if one did."""
    return request.form.get("event", type=UUID)


def _back() -> Response:
    event_id = _event()
    return see(ALERTS if event_id is None else f"{ALERTS}/{event_id}")


def _again(problem: str, status: int) -> Response:
    """The page that sent the form, with the error."""
    event_id = _event()
    if event_id is None:
        return _page(problem=problem, status=status)
    return show_alert(event_id, problem=problem, status=status)


def _said(name: str) -> str:
    text = request.form.get(name, "").strip()[:TEXT_MAX]
    return text if text.isprintable() else ""


def _page(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    parts, roles = container(), guards.caller().roles
    with parts.reading() as session:
        values: dict[str, Any] = {
            "standing": handling.overview(session, now=parts.now()),
            "silences": handling.in_force(session, now=parts.now()),
            "history": handling.history(session, before=None, limit=SHOWN_MAX),
            "pause": pausing.current(session, now=parts.now()),
        }
    return page(
        "alerts.html",
        status=status,
        problem=problem,
        rules=RULES,
        may_acknowledge=bool(roles & {"approver", "admin"}),
        may_silence="admin" in roles,
        **values,
    )

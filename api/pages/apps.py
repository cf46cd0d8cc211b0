"""The apps that act for the user: their permissions, their last use, revocation, and approval of devices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import signed_in
from api.limits import limited
from api.pages.consent import ALLOW, limit_fields, signed_in_at, typed_limits
from api.pages.context import every_asset, page, see, typed
from api.pages.shapes import AssetName, FormField, Money
from api.request_context import actor, container
from auth.oauth import device_grant, grants, scopes
from auth.oauth.grants import Connected
from auth.oauth.scopes import Scope
from services import audit

blueprint = Blueprint("apps", __name__)


@dataclass(frozen=True, slots=True)
class AppLine:
    """One app, for its user."""

    grant_id: UUID
    name: str
    home: str | None
    scopes: tuple[Scope, ...]
    limits: tuple[Money, ...]
    since: datetime
    last_used_at: datetime | None


@blueprint.get("/apps")
@signed_in
def show() -> Response:
    """List the user's apps."""
    with container().reading() as session:
        known = every_asset(session)
        lines = [_line(app, known) for app in grants.connected(session, guards.person().user_id)]
    return page("apps.html", apps=lines)


@blueprint.post("/apps/<uuid:grant_id>/revoke")
@signed_in
def revoke(grant_id: UUID) -> Response:
    """Revoke an app's grant at once."""
    parts = container()
    now = parts.now()
    with parts.transaction() as session:
        grant = grants.revoke(session, grant_id, user_id=guards.person().user_id, now=now)
        audit.record(session, "oauth.grant_revoked", by=actor(), now=now, detail={"grant_id": str(grant.id)})
    return see("/apps")


@blueprint.get("/device")
@signed_in
@limited("sign_in")
def device() -> Response:
    """Show the form for a device's user code; with a code, the permissions that the device asks for."""
    code = request.args.get("user_code", "").strip()
    if not code:
        return _code_form(FormField())
    parts = container()
    with parts.transaction() as session:
        return _decision_form(session, code, parts.now())


@blueprint.post("/device")
@signed_in
@limited("sign_in")
def decide_device() -> Response:
    """Approve or deny a device."""
    parts = container()
    now, who = parts.now(), guards.person()
    with parts.transaction() as session:
        try:
            asked = device_grant.waiting(session, typed("user_code"), now=now)
        except device_grant.UserCodeNotFound as refusal:
            return _code_form(FormField(typed("user_code"), [str(refusal)]), status=HTTPStatus.NOT_FOUND)
        detail = {"client_id": asked.client.client_id, "scope": asked.row.scope}
        if typed("decision") != ALLOW:
            device_grant.deny(session, asked)
            audit.record(session, "oauth.consent_refused", by=actor(), now=now, success=False, detail=detail)
            return page("device_done.html", app=asked.client.name, allowed=False)
        limits, faulty = typed_limits(session) if scopes.may_spend(asked.row.scope) else (None, None)
        if faulty is not None:
            return _decision_form(session, typed("user_code"), now, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        grant = grants.consent(
            session, user_id=who.user_id, client_pk=asked.client.id, scope=asked.row.scope, limits=limits, now=now
        )
        auth_time = signed_in_at(session, who)
        device_grant.approve(session, asked, grant_id=grant.id, auth_time=auth_time, now=now)
        told = {asset_id: str(minor) for asset_id, minor in (limits or {}).items()}
        audit.record(session, "oauth.consent", by=actor(), now=now, detail={**detail, "limits": str(told)})
    return page("device_done.html", app=asked.client.name, allowed=True)


def _code_form(code: FormField, *, status: int = HTTPStatus.OK) -> Response:
    return page("device.html", status=status, code=code)


def _decision_form(session: Session, code: str, now: datetime, *, status: int = HTTPStatus.OK) -> Response:
    try:
        asked = device_grant.waiting(session, code, now=now)
    except device_grant.UserCodeNotFound as refusal:
        return _code_form(FormField(code, [str(refusal)]), status=HTTPStatus.NOT_FOUND)
    names = asked.row.scope.split()
    faulty = typed_limits(session)[1] if request.method == "POST" else None
    return page(
        "device_consent.html",
        status=status,
        client=asked.client,
        user_code=code,
        scopes=[scopes.SCOPES[name] for name in names],
        limits=(faulty or limit_fields(session)) if scopes.may_spend(asked.row.scope) else [],
    )


def _line(app: Connected, known: Mapping[str, AssetName]) -> AppLine:
    return AppLine(
        grant_id=app.grant.id,
        name=app.client.name,
        home=app.client.client_uri,
        scopes=tuple(scopes.SCOPES[name] for name in app.grant.scope.split() if name in scopes.SCOPES),
        limits=tuple(Money(minor, known[asset_id]) for asset_id, minor in app.limits.items() if asset_id in known),
        since=app.grant.created_at,
        last_used_at=app.grant.last_used_at,
    )

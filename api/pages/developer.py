"""Developers' pages: register an app, rotate its secret, delete it, and try its authorization flow."""

import base64
import hashlib
import json
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import jwt
from flask import Blueprint, Response, request

from api import guards
from api.access import provider
from api.guards import signed_in
from api.oauth import keep_notes
from api.pages.context import page, see, typed
from api.request_context import actor, container
from auth.oauth import clients, endpoints, scopes
from auth.oauth.clients import DEVICE_CODE, Registered
from auth.oauth.provider import new_secret
from domain.errors import StrongroomError
from services import audit

blueprint = Blueprint("developer", __name__)

CALLBACK: Final = "/developer/callback"
_LABELS: Final = {
    "client_name": "Its name",
    "redirect_uris": "Where answers may go",
    "scope": "What it may ask for",
}
_VERIFIER: Final = "oauth_try"
_VERIFIER_LIFETIME_S: Final = 600


@blueprint.get("/developer")
@signed_in
def show() -> Response:
    """Show the developer's apps, and the form for a new one."""
    return _list()


@blueprint.post("/developer")
@signed_in
def register() -> Response:
    """Register an app; its secret is shown on this answer only."""
    parts = container()
    now = parts.now()
    grant_types = ["authorization_code", "refresh_token", *([DEVICE_CODE] if typed("device") else [])]
    uris = [line.strip() for line in request.form.get("redirect_uris", "").splitlines() if line.strip()]
    if typed("try_here"):
        uris.append(_callback())
    metadata: dict[str, Any] = {
        "client_name": typed("client_name"),
        "redirect_uris": uris,
        "grant_types": grant_types,
        "scope": " ".join(request.form.getlist("scope")),
        "dpop_bound_access_tokens": bool(typed("bound")),
        "token_endpoint_auth_method": "client_secret_basic" if typed("kind") == "server" else "none",
    }
    try:
        with parts.transaction() as session:
            made = clients.register(session, metadata, owner_id=guards.person().user_id, now=now)
            detail = {"client_id": made.client.client_id, "scope": made.client.scope}
            audit.record(session, "oauth.client_registered", by=actor(), now=now, detail=detail)
    except StrongroomError as refusal:
        return _list(problem=_in_words(refusal), status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _list(fresh=made)


@blueprint.post("/developer/<client_id>/secret")
@signed_in
def rotate(client_id: str) -> Response:
    """Rotate the secret; the old one stops working at once."""
    parts = container()
    now = parts.now()
    with parts.transaction() as session:
        made = clients.rotate_secret(session, client_id, owner_id=guards.person().user_id, now=now)
        audit.record(session, "oauth.secret_rotated", by=actor(), now=now, detail={"client_id": client_id})
    return _list(fresh=made)


@blueprint.post("/developer/<client_id>/remove")
@signed_in
def remove(client_id: str) -> Response:
    """Delete an app with all its tokens."""
    parts = container()
    now = parts.now()
    with parts.transaction() as session:
        clients.remove(session, client_id, owner_id=guards.person().user_id, now=now)
        audit.record(session, "oauth.client_removed", by=actor(), now=now, detail={"client_id": client_id})
    return see("/developer")


@blueprint.post("/developer/<client_id>/try")
@signed_in
def begin_trying(client_id: str) -> Response:
    """Redirect to the authorization endpoint as the app would."""
    with container().transaction() as session:
        client = clients.own(session, client_id, owner_id=guards.person().user_id)
    verifier = new_secret()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": _callback(),
        "scope": client.scope,
        "state": client_id,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    response = see(f"/oauth/authorize?{urlencode(query)}")
    response.set_cookie(
        _VERIFIER, verifier, max_age=_VERIFIER_LIFETIME_S, path="/developer", httponly=True, samesite="Lax",
        secure=guards.is_https(),
    )  # fmt: skip
    return response


@blueprint.get(CALLBACK)
@signed_in
def came_back() -> Response:
    """Show the app's redirect, and a form to redeem the code."""
    return page("developer_callback.html", sent=dict(request.args), answer=None, claims=None, problem="")


@blueprint.post(CALLBACK)
@signed_in
def redeem() -> Response:
    """Redeem the code as the app would, and show the answer."""
    parts = container()
    client_id, secret = typed("client_id"), request.form.get("client_secret", "").strip()
    form = {
        "grant_type": ["authorization_code"],
        "code": [typed("code")],
        "redirect_uri": [_callback()],
        "code_verifier": [request.cookies.get(_VERIFIER, "")],
        "client_id": [client_id],
    }
    headers = {}
    if secret:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    with parts.transaction() as session:
        server = endpoints.server(session, provider(parts), now=parts.now())
        reply = server.answer("POST", form, headers, "token")
        keep_notes(session, server, now=server.now)
    access = reply.body.get("access_token")
    claims = jwt.decode(access, options={"verify_signature": False}) if access else None
    return page(
        "developer_callback.html",
        status=reply.status,
        sent={"code": typed("code"), "state": client_id},
        answer=json.dumps(reply.body, indent=2),
        claims=json.dumps(claims, indent=2) if claims else None,
        problem="" if access else "The token endpoint refused; its answer is below.",
    )


def _list(*, fresh: Registered | None = None, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    with container().reading() as session:
        mine = clients.owned(session, guards.person().user_id)
    return page(
        "developer.html",
        status=status,
        clients=mine,
        fresh=fresh,
        problem=problem,
        all_scopes=list(scopes.SCOPES.values()),
        callback=_callback(),
        issuer=provider(container()).issuer,
        form=request.form,
        chosen=request.form.getlist("scope") or clients.DEFAULT_SCOPE.split(),
    )


def _in_words(refusal: StrongroomError) -> str:
    """A refusal, with the field named as on the page."""
    name, colon, reason = str(refusal).partition(": ")
    return f"{_LABELS[name]}: {reason}." if colon and name in _LABELS else str(refusal)


def _callback() -> str:
    return f"{provider(container()).issuer}{CALLBACK}"

"""The OAuth endpoints that programs call: tokens, revocation, introspection, userinfo, keys and metadata."""

import json
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

from authlib.oauth2.rfc6749 import InvalidClientError
from flask import Response, request
from sqlalchemy.orm import Session

from api import dpop, guards, json_body, limits
from api.access import provider
from api.blueprint import Blueprint
from api.errors import error_body
from api.guards import USERINFO, caller, from_anywhere, public, scope
from api.limits import limited
from api.oauth_shapes import (
    DEVICE_FORM,
    PROOF_HEADER,
    REGISTRATION_BODY,
    TOKEN_FORM,
    TOKEN_QUESTION_FORM,
    DeviceAnswer,
    IntrospectionAnswer,
    KeysAnswer,
    MetadataAnswer,
    NothingAnswer,
    RegisteredAnswer,
    TokenAnswer,
    UserinfoAnswer,
)
from api.refusals import MalformedJson
from api.request_context import actor, container
from api.schemas import json_answer
from auth.oauth import clients, endpoints, keys, metadata
from auth.oauth.dpop import InvalidDpopProof, Proof
from auth.oauth.issuing import Server, claims_of
from auth.oauth.requests import Reply, named_by
from models.user import User
from services import audit

blueprint = Blueprint("oauth", __name__, description="Tokens for apps (OAuth 2, OpenID Connect).")

View = TypeVar("View", bound=Callable[..., Any])
CLIENT_ID_LENGTH_MAX: Final = 64
"""A longer name is not looked up for rate limits: none of ours is longer."""
_PUBLISHED: Final = {"Cache-Control": "public, max-age=300"}
# Pages of other sites may call these (RFC 9700 2.6), so cookies are ignored. Never the authorization endpoint.
_CROSS_ORIGIN: Final = frozenset(
    {
        "oauth.token",
        "oauth.revoke",
        "oauth.userinfo",
        "oauth.userinfo_by_post",
        "oauth.jwks",
        "oauth.authorization_server",
        "oauth.openid_configuration",
    }
)


@blueprint.after_request  # type: ignore[untyped-decorator]  # flask-smorest is not typed
def _let_other_sites_read(response: Response) -> Response:
    if request.endpoint in _CROSS_ORIGIN:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate, Retry-After, DPoP-Nonce"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, DPoP"
            response.headers["Access-Control-Max-Age"] = "600"
    return response


@blueprint.post("/oauth/token")
@public
@from_anywhere
@limited("read")
@blueprint.reads([PROOF_HEADER])
@blueprint.takes_form(TOKEN_FORM, required=["grant_type"])
@blueprint.answers(HTTPStatus.OK, TokenAnswer)
def token() -> Response:
    """Exchange a code, a refresh token or a device code for tokens."""
    try:
        proof = dpop.carried()
    except InvalidDpopProof as fault:
        # RFC 9449 5: for the token endpoint an invalid proof is a bad request.
        return answer_of(Reply(HTTPStatus.BAD_REQUEST, {"error": fault.code, "error_description": str(fault)}))
    return _serve("token", proof)


@blueprint.post("/oauth/revoke")
@public
@from_anywhere
@limited("read")
@blueprint.takes_form(TOKEN_QUESTION_FORM, required=["token"])
@blueprint.answers(HTTPStatus.OK, NothingAnswer)
def revoke() -> Response:
    """Revoke a token (RFC 7009)."""
    return _serve("revocation")


@blueprint.post("/oauth/introspect")
@public
@from_anywhere
@limited("read")
@blueprint.takes_form(TOKEN_QUESTION_FORM, required=["token"])
@blueprint.answers(HTTPStatus.OK, IntrospectionAnswer)
def introspect() -> Response:
    """Read whether a token is active (RFC 7662)."""
    return _serve("introspection")


@blueprint.post("/oauth/device_authorization")
@public
@from_anywhere
@limited("read")
@blueprint.takes_form(DEVICE_FORM, required=["scope"])
@blueprint.answers(HTTPStatus.OK, DeviceAnswer)
def device_authorization() -> Response:
    """Issue a device code and a user code (RFC 8628)."""
    return _serve("device_authorization")


@blueprint.post("/oauth/register")
@public
@limited("sign_in")
@blueprint.takes_body(REGISTRATION_BODY)
@blueprint.answers(HTTPStatus.CREATED, RegisteredAnswer)
def register() -> Response:
    """Register an app (RFC 7591): signed-in users can, and anyone where the installation allows it."""
    parts = container()
    now = parts.now()
    owner_id = None
    if guards.principal() is not None or not parts.settings.open_registration:
        owner_id = guards.person().user_id
    body = _registration()
    with parts.transaction() as session:
        made = clients.register(session, body, owner_id=owner_id, now=now)
        detail = {"client_id": made.client.client_id, "scope": made.client.scope}
        audit.record(session, "oauth.client_registered", by=actor(), now=now, detail=detail)
    secret = {"client_secret": made.secret, "client_secret_expires_at": 0} if made.secret is not None else {}
    return json_answer({**clients.describe(made.client), **secret}, status=HTTPStatus.CREATED)


def _registration() -> dict[str, Any]:
    try:
        body = json_body.parse(request.get_data()) if request.is_json else None
    except ValueError as fault:
        raise MalformedJson from fault
    if not isinstance(body, dict):
        raise MalformedJson
    return body


@blueprint.get(USERINFO)
@scope("openid", resource=USERINFO)
@blueprint.answers(HTTPStatus.OK, UserinfoAnswer)
def userinfo() -> Response:
    """Read the user's claims that the app may see (OpenID Connect Core 5.3)."""
    return _userinfo()


@blueprint.post(USERINFO)
@from_anywhere
@scope("openid", resource=USERINFO)
@blueprint.answers(HTTPStatus.OK, UserinfoAnswer)
def userinfo_by_post() -> Response:
    """Read the user's claims, by POST."""
    return _userinfo()


@blueprint.get("/oauth/jwks")
@public
@blueprint.answers(HTTPStatus.OK, KeysAnswer)
def jwks() -> Response:
    """List the keys that sign tokens (RFC 7517)."""
    parts = container()
    with parts.transaction() as session:
        listed = keys.published(session, provider(parts), now=parts.now())
    return _published({"keys": listed})


@blueprint.get("/.well-known/oauth-authorization-server")
@public
@blueprint.answers(HTTPStatus.OK, MetadataAnswer)
def authorization_server() -> Response:
    """Read the metadata of the authorization server (RFC 8414)."""
    return _published(metadata.document(provider(container())))


@blueprint.get("/.well-known/openid-configuration")
@public
@blueprint.answers(HTTPStatus.OK, MetadataAnswer)
def openid_configuration() -> Response:
    """Read the metadata of the OpenID provider."""
    return _published(metadata.document(provider(container())))


def keep_notes(session: Session, server: Server, *, now: datetime) -> None:
    """Write the server's notes to the audit log, in the same transaction."""
    doer = actor()
    for event, success, detail in server.noted:
        audit.record(session, event, by=doer, now=now, success=success, detail=detail)


def answer_of(reply: Reply) -> Response:
    """The protocol's answer as an HTTP response; refusals get the fields of all our errors."""
    body = reply.body
    if "error" in body:
        words = str(body.get("error_description") or body["error"])
        body = {**body, **error_body(str(body["error"]), words)}
    response = Response(json.dumps(body), status=reply.status, mimetype="application/json")
    for name, value in reply.headers.items():
        response.headers[name] = value
    response.headers["Cache-Control"] = "no-store"
    return response


def _serve(endpoint: str, proof: Proof | None = None) -> Response:
    parts = container()
    # The time of arrival: of simultaneous requests, the losers must not look like replays.
    now = parts.now()
    parameters = request.form.to_dict(flat=False)
    for named in _named():
        limits.look("read", client=named)
    with parts.transaction() as session:
        server = endpoints.server(session, provider(parts), now=now, proof=proof)
        reply = server.answer(request.method, parameters, dict(request.headers), endpoint)
        keep_notes(session, server, now=now)
    client = server.client
    # A public client proves itself by redeeming something; until then only the address is counted.
    if client is not None and (client.row.auth_method != "none" or _has_redeemed(endpoint, reply)):
        limits.note("read", client=client.row.client_id)
    return answer_of(reply)


def _has_redeemed(endpoint: str, reply: Reply) -> bool:
    return endpoint == "token" and reply.status == HTTPStatus.OK


def _named() -> set[str]:
    """The apps that this request may belong to: its header and its form may name different ones."""
    try:
        by_header = named_by(dict(request.headers))
    except InvalidClientError:
        by_header = None  # and of no app at all, as the server will say
    return {name[:CLIENT_ID_LENGTH_MAX] for name in (by_header, request.form.get("client_id")) if name}


def _userinfo() -> Response:
    who = caller()
    with container().reading() as session:
        user = session.get_one(User, who.user_id)
    known = who.delegation.scopes if who.delegation is not None else frozenset({"profile:read"})
    return json_answer(claims_of(user, known))


def _published(body: dict[str, Any]) -> Response:
    response = json_answer(body)
    response.headers.update(_PUBLISHED)
    return response

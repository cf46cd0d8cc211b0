"""The authorization endpoint: what an app asks for, a spending limit where it can spend, approve or deny."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards
from api.access import provider
from api.guards import public, signed_in
from api.limits import limited, spend
from api.oauth import CLIENT_ID_LENGTH_MAX, keep_notes
from api.pages.context import every_asset, onward_query, page, see, sentence, typed
from api.pages.shapes import AssetName, FormField
from api.pages.wording import amount, typed_amount
from api.request_context import CONTENT_SECURITY_POLICY, container
from auth.oauth import endpoints, freshness, grants, scopes
from auth.oauth.code_grant import CodeGrant
from auth.oauth.issuing import Server
from auth.oauth.requests import ProtocolRequest, Reply, check
from auth.sessions import Principal
from domain.money import InvalidAmount, parse_amount
from models.oauth import OAuthGrant

blueprint = Blueprint("consent", __name__)

ALLOW: Final = "allow"


@dataclass(frozen=True, slots=True)
class Approval:
    """The user that Authlib is given: who approved, under which grant, and when they last signed in."""

    grant_id: UUID
    auth_time: datetime


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit of one asset, as typed or as stored."""

    asset: AssetName
    field: FormField = field(default_factory=FormField)


@blueprint.get("/oauth/authorize")
@public
@limited("read")
def ask() -> Response:
    """Ask for consent, or redirect at once if the user has consented before."""
    parts, who = container(), _person()
    if who is not None:
        _count(who)
    with parts.transaction() as session:
        server = endpoints.server(session, provider(parts), now=parts.now())
        asked = _validated(server, who)
        if isinstance(asked, Response):
            return asked
        if who is None:
            return _to_sign_in(server, asked)
        if (way := _stale(server, asked, who)) is not None:
            return way
        grant = grants.standing(session, user_id=who.user_id, client_pk=asked.request.client.row.id)
        if grant is None or not _agreed(asked, grant):
            if asked.wish.is_silent:
                return _send_back(_refused(server, asked, "consent_required"))
            return _form(asked, limit_fields(session, grants.limits_of(session, grant.id) if grant else {}))
        return _give_code(server, asked, who, grant.id)


@blueprint.post("/oauth/authorize")
@signed_in
@limited("read")
def decide() -> Response:
    """Store the decision and redirect to the app with a code or a refusal."""
    parts = container()
    who = guards.person()
    with parts.transaction() as session:
        server = endpoints.server(session, provider(parts), now=parts.now())
        asked = _validated(server, who)
        if isinstance(asked, Response):
            return asked
        if (way := _stale(server, asked, who)) is not None:
            return way
        client, scope = asked.request.client, asked.request.scope
        if typed("decision") != ALLOW:
            server.note("oauth.consent_refused", success=False, client_id=client.row.client_id, scope=scope)
            keep_notes(session, server, now=server.now)
            return _send_back(server.create_authorization_response(asked.request, grant_user=None, grant=asked))
        limits, faulty = typed_limits(session) if scopes.may_spend(scope) else (None, None)
        if faulty is not None:
            return _form(asked, faulty, status=HTTPStatus.UNPROCESSABLE_ENTITY)
        grant = grants.consent(
            session, user_id=who.user_id, client_pk=client.row.id, scope=scope, limits=limits, now=server.now
        )
        told = {asset_id: str(minor) for asset_id, minor in (limits or {}).items()}
        server.note("oauth.consent", client_id=client.row.client_id, scope=scope, limits=str(told))
        return _give_code(server, asked, who, grant.id)


def limit_fields(session: Session, standing: Mapping[str, int] = MappingProxyType({})) -> list[Limit]:
    """One field for each asset, with its stored limit."""
    return [
        Limit(asset, FormField(amount(standing[asset_id], asset.decimals) if asset_id in standing else ""))
        for asset_id, asset in every_asset(session).items()
    ]


def typed_limits(session: Session) -> tuple[dict[str, int] | None, list[Limit] | None]:
    """The limits as typed, or the fields with their errors; an empty field allows nothing."""
    limits: dict[str, int] = {}
    fields: list[Limit] = []
    is_faulty = False
    for asset in every_asset(session).values():
        text = typed_amount(typed(f"limit-{asset.asset_id}"))
        errors: list[str] = []
        if text.strip("0."):
            try:
                limits[asset.asset_id] = parse_amount(text, asset.decimals)
            except InvalidAmount as refusal:
                errors = [reason for reasons in refusal.fields.values() for reason in reasons] or [str(refusal)]
                is_faulty = True
        fields.append(Limit(asset, FormField(text, errors)))
    return (None, fields) if is_faulty else (limits, None)


def signed_in_at(session: Session, who: Principal) -> datetime:
    """When this user last signed in."""
    return grants.signed_in_at(session, who.session_id, lifetime=timedelta(hours=container().settings.session_hours))


def _person() -> Principal | None:
    who = guards.principal()
    return who if who is not None and who.delegation is None else None


def _count(who: Principal) -> None:
    """Count authorization requests for this user, and for the app that the request names.

    An approved app gets a code each time without showing anything, wherever the browser is. Since anybody can name
    an app, it is counted per user: nobody uses up another user's limit. Raises RateLimited,
    LimitsUnavailable.
    """
    spend("read", user=str(who.user_id))
    named = request.args.get("client_id", "")[:CLIENT_ID_LENGTH_MAX]
    spend("ask", app=f"{who.user_id} {named}")


def _validated(server: Server, who: Principal | None) -> CodeGrant | Response:
    """The request, if it is valid; else an error page or, where that is safe, a redirect."""
    parameters = request.args.to_dict(flat=False)
    try:
        check(parameters)
        asked: CodeGrant = server.get_consent_grant(ProtocolRequest("GET", parameters, {}))
    except OAuth2Error as error:
        reply = server.refusal(error)
        if reply.location is not None:
            # RFC 9700 4.11.2: anybody may have registered the redirect URI, so a stranger is not sent there unasked.
            is_stranger = who is None and request.args.get("prompt") != "none"
            return see(f"/login{onward_query(request.full_path)}") if is_stranger else _send_back(reply)
        return page(
            "consent_refused.html",
            status=HTTPStatus.BAD_REQUEST,
            code=str(error.error),
            description=sentence(str(error.description or error.error).replace("'", "")),
        )
    return asked


def _to_sign_in(server: Server, asked: CodeGrant, *, again: bool = False) -> Response:
    """Redirect to the sign-in page and back here, or back to the app if nothing may be shown."""
    if asked.wish.is_silent:
        return _send_back(_refused(server, asked, "login_required"))
    mark = freshness.mark(server.provider, asked.request.payload.data, now=server.now)
    query = [(name, value) for name, value in request.args.items(multi=True) if name != freshness.MARK]
    query.append((freshness.MARK, mark))
    target = quote(f"{request.path}?{urlencode(query)}", safe="/")
    return see(f"/login?{'again=1&' if again else ''}next={target}")


def _stale(server: Server, asked: CodeGrant, who: Principal) -> Response | None:
    """The redirect to sign in again, if the app requires that; None if the sign-in is recent enough."""
    auth_time, wish = signed_in_at(server.session, who), asked.wish
    is_marked = freshness.is_marked(server.provider, asked.request.payload.data, auth_time=auth_time, now=server.now)
    if wish.is_for(who.user_id):
        return None if is_marked or wish.is_fresh(auth_time, now=server.now) else _to_sign_in(server, asked, again=True)
    if is_marked:
        # Somebody signed in, but not the user whom the app named.
        return _send_back(_refused(server, asked, "login_required"))
    return _to_sign_in(server, asked, again=True)


def _agreed(asked: CodeGrant, grant: OAuthGrant) -> bool:
    """Whether the user need not be asked again.

    A public client whose answers stay on the user's machine can be any program there: consent is asked for each time
    (RFC 8252 8.6).
    """
    is_known = asked.request.client.row.auth_method != "none" or asked.redirect_uri.startswith("https:")
    return is_known and "consent" not in asked.wish.prompts and scopes.covers(grant.scope, asked.request.scope)


def _give_code(server: Server, asked: CodeGrant, who: Principal, grant_id: UUID) -> Response:
    approval = Approval(grant_id, signed_in_at(server.session, who))
    reply = server.create_authorization_response(asked.request, grant_user=approval, grant=asked)
    keep_notes(server.session, server, now=server.now)
    return _send_back(reply)


def _refused(server: Server, asked: CodeGrant, code: str) -> Reply:
    state = asked.request.payload.state
    return server.refusal(OAuth2Error(error=code, redirect_uri=asked.redirect_uri, state=state))


def _send_back(reply: Reply) -> Response:
    """Redirect to the app; by a page after a form, since our policy lets forms lead nowhere else."""
    target = reply.location or "/"
    came_from = urlsplit(request.headers.get("Referer", ""))
    if request.method == "GET" and came_from.netloc == request.host:
        return page("consent_done.html", target=target, app=urlsplit(target).hostname or "the app")
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": target})


def _form(asked: CodeGrant, limits: list[Limit], *, status: int = HTTPStatus.OK) -> Response:
    client, scope = asked.request.client.row, asked.request.scope
    response = page(
        "consent.html",
        status=status,
        client=client,
        scopes=[scopes.SCOPES[name] for name in scope.split()],
        limits=limits if scopes.may_spend(scope) else [],
        goes_to=urlsplit(asked.redirect_uri).hostname or urlsplit(asked.redirect_uri).scheme,
        action=request.full_path,
    )
    parts = urlsplit(asked.redirect_uri)
    # The answer to this form leads to the app, which other pages' policy forbids.
    source = f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"
    policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", f"form-action 'self' {source}")
    response.headers["Content-Security-Policy"] = policy
    return response

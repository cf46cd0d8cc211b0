"""Access control: the caller's session and roles, and whether the request comes from our own site."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from api import nul_characters
from api.access import credentials, principal_of
from api.refusals import CrossSiteRefused, InvalidToken, NotSignedIn, RoleMissing, ScopeMissing
from api.request_context import container
from auth import sessions
from auth.oauth import tokens
from auth.sessions import Along, OpenedSession, Principal
from models.prepared import Rows
from wiring.metrics.exposition import may_scrape
from wiring.settings import Settings

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_BYTES_MAX: Final = 64 * 1024
TOKEN_LENGTH_MAX: Final = 128
API: Final = "/api/v1"
"""The path of the API as a resource of its own (RFC 8707)."""
USERINFO: Final = "/oauth/userinfo"
CSRF_FIELD: Final = "csrf_token"
CSRF_HEADER: Final = "X-CSRF-Token"
_HTTPS: Final = "strongroom.is_https"
_ORIGIN: Final = "strongroom.origin"

View = TypeVar("View", bound=Callable[..., Any])


def register(app: Flask) -> None:
    """Check the origin and size of every unsafe request to `app`."""
    app.before_request(_check_unsafe)


def settle(app: Flask, settings: Settings) -> None:
    """Configure our own origin, and what depends on https."""
    public = urlsplit(settings.public_url)
    app.extensions[_HTTPS] = public.scheme == "https"
    app.extensions[_ORIGIN] = f"{public.scheme}://{public.netloc}"


# ------------------------------------------------------------------------------------------- who is asking


def principal(along: Along | None = None) -> Principal | None:
    """Whom this request speaks for, or None; looked up once per request.

    The one place that knows how requests name their caller: a session token, in the cookie or as a bearer token, or
    the access token of an app. With `along` (of auth/sessions.py), the look-up of a session asks that as well.
    """
    if "principal" not in g:
        access_token = _access_token()
        token = session_token() if access_token is None else None
        g.principal = principal_of(container(), access_token) if access_token is not None else None
        if token is not None:
            g.principal = _of_session(token) if along is None else _of_session_along(token, along)
    return cast("Principal | None", g.principal)


def brought() -> Rows | None:
    """The rows of the `along` query of this request's session look-up; None without one, or for an app."""
    return cast("Rows | None", g.get("brought"))


def session_token() -> str | None:
    """This request's session token; a bearer token has precedence over the cookie."""
    token = _bearer()
    if token is None:
        token = request.cookies.get(cookie_name())
    return token if token and len(token) <= TOKEN_LENGTH_MAX else None


def _of_session(token: str) -> Principal | None:
    parts, token_hash = container(), sessions.digest(token)
    now = parts.now()
    found = parts.session_cache.get(token_hash, now=now)
    if found is None:
        idle = timedelta(minutes=parts.settings.session_idle_minutes)
        with parts.reading() as session:
            found = sessions.find(session, token, now=now, idle=idle)
        if found is not None:
            parts.session_cache.put(token_hash, found, now=now)
    return found


def _of_session_along(token: str, along: Along) -> Principal | None:
    """One round trip for both, batched with simultaneous requests; a look-up in Redis would save nothing."""
    parts = container()
    idle = timedelta(minutes=parts.settings.session_idle_minutes)
    found = along.find(parts.engine, token, now=parts.now(), idle=idle)
    if found is None:
        return None
    who, g.brought = found
    return who


def caller(along: Along | None = None) -> Principal:
    """Whom this request speaks for. Raises NotSignedIn, InvalidToken, InvalidDpopProof."""
    found = principal(along)
    if found is None:
        raise NotSignedIn if _access_token() is None else InvalidToken
    return found


def person() -> Principal:
    """The person who sends this request themselves. Raises NotSignedIn, InvalidToken, and ScopeMissing for an app."""
    found = caller()
    if found.delegation is not None:
        raise ScopeMissing("This is not open to apps.")
    return found


def client_id() -> str | None:
    """The app that sends this request, or None where its user does. Raises NotSignedIn, InvalidToken."""
    app = caller().delegation
    return app.client_id if app else None


def signed_in(view: View) -> View:
    """Restrict a view to signed-in people, without apps. The outermost decorator of a view, after its route."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        person()
        return view(*args, **kwargs)

    return cast("View", _marked(guarded, "signed_in"))


def scope(name: str, *, resource: str = API, along: Along | None = None) -> Callable[[View], View]:
    """Restrict a view to signed-in people, and apps whose token has this scope and is for this resource.

    `along` is a query about the caller that is made together with the look-up of their session; see `brought`.
    """

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            app = caller(along).delegation
            if app is not None:
                if f"{container().settings.public_url}{resource}" not in app.audience:
                    raise InvalidToken("This token is for another resource.")
                if name not in app.scopes:
                    raise ScopeMissing(f"This needs the scope {name}.")
            return view(*args, **kwargs)

        return cast("View", _marked(guarded, f"scope:{name}"))

    return guard


def from_anywhere(view: View) -> View:
    """Let other sites' pages call this view, which uses no cookie and so cannot be abused by them."""
    view.from_anywhere = True  # type: ignore[attr-defined]
    return view


def role(name: str) -> Callable[[View], View]:
    """Restrict a view to holders of a role."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if name not in caller().roles:
                raise RoleMissing(f"This needs the role {name}.")
            return view(*args, **kwargs)

        return cast("View", _marked(guarded, f"role:{name}"))

    return guard


def monitored(view: View) -> View:
    """Restrict a view to the monitoring (see wiring/metrics/exposition.py). Raises InvalidToken.

    Where no token is set, the view answers 404 to everybody who is not on this host.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        token = container().settings.metrics_token
        if not may_scrape(request.environ, token):
            if token is not None:
                raise InvalidToken("This is for the monitoring, which has a token of its own.")
            abort(HTTPStatus.NOT_FOUND)
        return view(*args, **kwargs)

    return cast("View", _marked(guarded, "monitored"))


def public(view: View) -> View:
    """Let anyone reach this view; explicit, so that a forgotten guard is noticed."""
    return cast("View", _marked(view, "public"))


def guard_of(view: Callable[..., Any]) -> str | None:
    """A view's guard: "public", "signed_in", "scope:…", "role:…", "monitored", or None where it was forgotten."""
    return cast("str | None", getattr(view, "guard", None))


def _marked(view: Callable[..., Any], guard: str) -> Any:
    view.guard = guard  # type: ignore[attr-defined]
    return view


def _bearer() -> str | None:
    scheme, token = credentials() or ("", "")
    return token if scheme == "bearer" else None


# --------------------------------------------------------------------------------------------- the cookie


def is_https() -> bool:
    """Whether browsers reach this site over https."""
    return bool(current_app.extensions[_HTTPS])


def cookie_name() -> str:
    """`__Host-session` over https, which binds it to this host; browsers refuse that name over http."""
    return "__Host-session" if current_app.extensions[_HTTPS] else "session"


def set_session_cookie(response: Response, opened: OpenedSession) -> None:
    """Set the browser's session cookie."""
    response.set_cookie(
        cookie_name(),
        opened.token,
        expires=opened.expires_at,
        path="/",
        secure=current_app.extensions[_HTTPS],
        httponly=True,
        samesite="Lax",
    )


def clear_session_cookie(response: Response) -> None:
    """Delete the browser's session cookie."""
    response.delete_cookie(
        cookie_name(), path="/", secure=current_app.extensions[_HTTPS], httponly=True, samesite="Lax"
    )


# ---------------------------------------------------------------------------------- requests of other sites


def csrf_token() -> str:
    """The value of the field `csrf_token` in this session's forms, derived from the session."""
    token = request.cookies.get(cookie_name(), "")
    return hashlib.sha256(b"strongroom csrf\0" + token.encode("utf-8", "surrogatepass")).hexdigest()


def _access_token() -> str | None:
    scheme, token = credentials() or ("", "")
    # A token with the scheme DPoP is an access token, never a session's.
    return token if scheme == "dpop" or (scheme == "bearer" and tokens.looks_like_one(token)) else None


def _check_unsafe() -> None:
    if request.method in SAFE_METHODS:
        return
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise RequestEntityTooLarge
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "from_anywhere", False):
        return
    if _bearer() is None and _access_token() is None and not _sent_by_ourselves():
        raise CrossSiteRefused


def is_our_origin(origin: str) -> bool:
    """Whether this origin is our own."""
    return origin in {current_app.extensions[_ORIGIN], f"{request.scheme}://{request.host}"}


def _sent_by_ourselves() -> bool:
    """Whether no other site can have made a browser send this request."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return is_our_origin(origin) or _has_csrf_token()
    if cookie_name() in request.cookies:
        return _has_csrf_token()
    # Without cookie and Origin it is no browser, or one that sends Sec-Fetch-Site.
    return request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"}


def _has_csrf_token() -> bool:
    if cookie_name() not in request.cookies:
        return False
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.mimetype in nul_characters.FORMS:
        given = request.form.get(CSRF_FIELD)
    return given is not None and hmac.compare_digest(given.encode("utf-8", "replace"), csrf_token().encode())

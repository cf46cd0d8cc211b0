"""The context of a request: its ids, container and actor, and the headers of every answer."""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, cast

import structlog
from flask import current_app, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars

from domain.actor import Actor
from domain.ids import short_id
from wiring.container import Container

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from auth.sessions import Principal

CONTAINER: Final = "strongroom.container"
_REQUEST_ID: Final = "strongroom.request_id"
_CORRELATION_ID: Final = "strongroom.correlation_id"
# What a client may name its request: short, and harmless in a log line or a header.
_SANE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}", re.ASCII)
_SLOW_S: Final = 1.0
_SOCKETS: Final = "/socket.io/"
_SERVER_ERROR: Final = 500
_USER_AGENT_LENGTH_MAX: Final = 255

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_NO_STORE: Final = ("Cache-Control", "no-store")
_STRICT_TRANSPORT: Final = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")

log = structlog.get_logger(__name__)
Meter = Callable[["WSGIEnvironment", str, float], None]
"""Called for each answer with the request, the status line, and the seconds until it began."""


class Edge:
    """WSGI middleware around the whole application: names each request and completes each answer's headers.

    A middleware rather than hooks, so that answers Flask makes on its own carry the same headers, and cheaply.
    """

    def __init__(
        self, application: "WSGIApplication", *, is_https: bool, meter: Meter, sockets: str | None = None
    ) -> None:
        """`sockets` is where pages find Socket.IO, if that is not where they come from; `meter` counts answers."""
        self._application = application
        self._meter = meter
        headers = dict(_HEADERS)
        if sockets is not None:
            headers["Content-Security-Policy"] = policy_with_sockets(sockets)
        self._headers = (*headers.items(), *((_STRICT_TRANSPORT,) if is_https else ()), _NO_STORE)
        self._names = frozenset(name for name, _ in self._headers)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        started = time.monotonic()
        request_id = _named(environ.get("HTTP_X_REQUEST_ID")) or token_hex(16)
        correlation_id = _named(environ.get("HTTP_X_CORRELATION_ID")) or request_id
        environ[_REQUEST_ID] = request_id
        environ[_CORRELATION_ID] = correlation_id
        clear_contextvars()
        bind_contextvars(request_id=request_id, correlation_id=correlation_id)

        def answer(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
            said = {name for name, _ in headers}
            if self._names.isdisjoint(said):
                headers += self._headers
            else:
                # Few answers say one of these themselves: what may be kept, and the page whose form leads elsewhere.
                headers += [row for row in self._headers if row[0] not in said]
            headers.append(("X-Request-ID", request_id))
            seconds = time.monotonic() - started
            _log(environ, status, seconds)
            self._meter(environ, status, seconds)
            return start_response(status, headers, *rest)

        return self._application(environ, cast("StartResponse", answer))


def policy_with_sockets(origin: str) -> str:
    """The content policy of pages whose sockets are served from another origin: another port, in development."""
    allowed = f"connect-src 'self' {origin} {origin.replace('http', 'ws', 1)}"
    return CONTENT_SECURITY_POLICY.replace("connect-src 'self'", allowed)


def container() -> Container:
    """The container that this application was made with."""
    return cast("Container", current_app.extensions[CONTAINER])


def request_id() -> str:
    """The id of this request, the caller's own or ours."""
    return cast("str", request.environ[_REQUEST_ID])


def actor() -> Actor:
    """The actor of this request in records: its signed-in user, the app that acts for them, or "visitor"."""
    principal: Principal | None = g.get("principal")
    app = principal.delegation if principal else None
    name = f"user:{short_id(principal.user_id)}" if principal else "visitor"
    return Actor(
        name=f"app:{app.client_id}" if app else name,
        user_id=principal.user_id if principal else None,
        address=request.remote_addr,
        user_agent=_user_agent(),
        request_id=request_id(),
        correlation_id=request.environ[_CORRELATION_ID],
        grant_id=app.grant_id if app else None,
    )


def operator() -> Actor:
    """The actor of a request that is permitted by a role rather than by ownership."""
    doer = actor()
    return replace(doer, name=doer.name.replace("user:", "operator:"))


def _user_agent() -> str | None:
    text: str = request.environ.get("HTTP_USER_AGENT", "")[:_USER_AGENT_LENGTH_MAX]
    # Anything may stand there; PostgreSQL takes no NUL, and nobody wants control characters in a log.
    return (text if text.isprintable() else "".join(filter(str.isprintable, text))) or None


def _named(text: str | None) -> str | None:
    return text if text is not None and _SANE_ID.fullmatch(text) else None


def _log(environ: "WSGIEnvironment", status: str, seconds: float) -> None:
    # Reads that went well are the proxy's to log: a line for each would cost more than the read.
    if environ["REQUEST_METHOD"] in {"GET", "HEAD"} and seconds < _SLOW_S and int(status[:3]) < _SERVER_ERROR:
        return
    if environ.get("PATH_INFO", "").startswith(_SOCKETS) and int(status[:3]) < _SERVER_ERROR:
        # Where waiting is the purpose, slowness says nothing.
        return
    log.info(
        "request",
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO"),
        status=int(status[:3]),
        milliseconds=round(seconds * 1000, 1),
    )

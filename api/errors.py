"""The one place where an error becomes an HTTP answer, with one body for all."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import structlog
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from api import nul_characters
from api.refusals import InvalidToken, RateLimited, ScopeMissing
from api.request_context import request_id
from api.statuses import HTTP_CODES, HTTP_ERRORS, status_of
from auth.oauth import dpop
from domain.errors import StrongroomError

log = structlog.get_logger(__name__)

ERROR_PAGE: Final = "strongroom.error_page"
"""Key in `app.extensions` of a function (status, body) -> Response | None that answers browsers with a page."""

RETRY_AFTER_S: Final = 5


def error_body(code: str, description: str, fields: Mapping[str, list[str]] | None = None) -> dict[str, object]:
    """The body of every error."""
    body: dict[str, object] = {
        "error": code,
        "error_description": description,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "request_id": request_id(),
    }
    if fields:
        body["fields"] = fields
    return body


def refusal_body(refusal: StrongroomError) -> dict[str, object]:
    """The body for one of our own errors."""
    return error_body(refusal.code, str(refusal), refusal.fields)


def register(app: Flask) -> None:
    """Handle every exception of `app` with that body."""
    app.register_error_handler(StrongroomError, _refused)
    app.register_error_handler(HTTPException, _http)
    for kind in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(kind, _database)
    app.register_error_handler(Exception, _unforeseen)


def _refused(refusal: StrongroomError) -> Response:
    status = status_of(type(refusal))
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _bug(refusal)
    response = _answer(status, refusal_body(refusal))
    if status == HTTPStatus.UNAUTHORIZED or isinstance(refusal, ScopeMissing):
        for challenge in _challenges(refusal, status):
            response.headers.add("WWW-Authenticate", challenge)
    if isinstance(refusal, RateLimited):
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def _challenges(refusal: StrongroomError, status: int) -> list[str]:
    """How to prove oneself instead (RFC 6750 3, RFC 9449 7.1): who sent no token is told nothing but the schemes."""
    says = isinstance(refusal, InvalidToken | ScopeMissing | dpop.InvalidDpopProof)
    error = f'error="{refusal.code}"' if says else ""
    algorithms = f'algs="{" ".join(dpop.ALGORITHMS)}"'
    if request.headers.get("Authorization", "").lower().startswith("dpop "):
        return [f"DPoP {error}, {algorithms}" if error else f"DPoP {algorithms}"]
    bearer = f"Bearer {error}".strip()
    return [bearer, f"DPoP {algorithms}"] if status == HTTPStatus.UNAUTHORIZED else [bearer]


def _http(error: HTTPException) -> Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if status < HTTPStatus.BAD_REQUEST:
        # A redirect that routing asks for is an answer, not a refusal.
        return current_app.make_response(error.get_response())
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _bug(error)
    code = HTTP_CODES.get(status, "bad_request")
    response = _answer(status, error_body(code, HTTP_ERRORS.get(code, (status, error.name))[1]))
    for name, value in error.get_headers():
        if name.lower() in {"allow", "retry-after"}:
            response.headers[name] = value
    return response


def _database(error: DBAPIError | PoolTimeout) -> Response:
    log.error("database unavailable", path=request.path, exc_info=error)
    return _known("database_unavailable")


def _unforeseen(error: Exception) -> Response:
    if nul_characters.in_request():
        # So that no view needs to check: values that PostgreSQL refuses are reported here, and nothing was written.
        log.info("refused", path=request.path, reason="nul", error=type(error).__name__)
        return _known("bad_request")
    return _bug(error)


def _bug(error: Exception) -> Response:
    log.error("bug", path=request.path, method=request.method, exc_info=error)
    return _known("internal_error")


def _known(code: str) -> Response:
    status, description = HTTP_ERRORS[code]
    return _answer(status, error_body(code, description))


def _answer(status: int, body: dict[str, object]) -> Response:
    page: Callable[[int, dict[str, object]], Response | None] | None = current_app.extensions.get(ERROR_PAGE)
    response = page(status, body) if page is not None else None
    if response is None:
        response = Response(json.dumps(body), status=status, mimetype="application/json")
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response

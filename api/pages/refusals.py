"""Error pages for browsers, which say what to do next."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from flask import Response, request

from api.pages.context import onward_query, page, see, sentence

_HEADINGS: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        400: ("This request cannot be read", "Go back, reload the page and try again."),
        401: ("Sign in first", "Sign in, then come back to this page."),
        403: ("This is not open to you", "If it should be, ask an admin of this house for the role it needs."),
        404: ("There is nothing here", "The address may be mistyped, or what it names is not yours to see."),
        405: ("This page cannot be used that way", "Go back and use the form on the page itself."),
        409: ("This cannot be done now", "Go back and reload the page: it shows what can be done."),
        413: ("That was too much", "Send less than 64 kB."),
        429: ("Too many attempts", "Wait a minute, then try again."),
        503: ("Not just now", "Nothing was changed. Try again in a moment."),
    }
)
_OTHER: Final = ("Something went wrong here", "Nothing more was changed. Whoever runs this house can look it up.")
_NEVER_PAGES: Final = ("/api/", "/openapi.json", "/health", "/verify_signature", "/static/")


def error_page(status: int, body: Mapping[str, Any]) -> Response | None:
    """The error page for a refusal, or None where the client is a program and gets JSON."""
    if request.path.startswith(_NEVER_PAGES) or not _asked_by_a_browser():
        return None
    is_read_again = request.headers.get("HX-Request") == "true"
    if status == HTTPStatus.UNAUTHORIZED and request.method == "GET" and not is_read_again:
        target = request.full_path.removesuffix("?")
        return see(f"/login{onward_query(target)}")
    heading, way_out = _HEADINGS.get(status, _OTHER)
    return page(
        "refused.html",
        status=status,
        heading=heading,
        description=sentence(str(body["error_description"])),
        way_out=way_out,
        code=body["error"],
        request_id=body["request_id"],
    )


def _asked_by_a_browser() -> bool:
    accepted = request.accept_mimetypes
    return accepted.quality("text/html") > accepted.quality("application/json") or (
        request.headers.get("HX-Request") == "true"
    )

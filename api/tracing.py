"""A span around each request, where tracing is on."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from structlog.contextvars import get_contextvars

from adapters import tracing

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Traced:
    """WSGI middleware inside the one that names each request, so that spans have the request's ids.

    A client's own `traceparent` is ignored: it could join any trace of ours.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request (PEP 3333)."""
        method = environ["REQUEST_METHOD"]
        correlation_id = str(get_contextvars().get("correlation_id", ""))
        with tracing.span(method, "SERVER", strongroom__correlation_id=correlation_id) as opened:

            def answer(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
                asked = environ.get("werkzeug.request")
                rule = asked.url_rule.rule if asked is not None and asked.url_rule is not None else "unmatched"
                opened.name(f"{method} {rule}", http__route=rule, http__response__status_code=int(status[:3]))
                return start_response(status, headers, *rest)

            return self._application(environ, answer)

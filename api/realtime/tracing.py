"""A span around each event of a socket, if traces are on."""

from contextlib import AbstractContextManager
from typing import Final

from structlog.contextvars import get_contextvars

from adapters import tracing
from adapters.tracing import Span

SERVICE: Final = "strongroom-realtime"


def span(event: str) -> AbstractContextManager[Span]:
    """A span around one event of a socket; an exception marks it with its code.

    Each is a trace of its own, since a connection may last for days. The correlation
    id of the connection, which is also in the log, groups them.
    """
    correlation_id = str(get_contextvars().get("correlation_id", ""))
    return tracing.span(f"socket {event}", "SERVER", strongroom__correlation_id=correlation_id)

"""A span around what each socket does, where traces are wanted."""

from contextlib import AbstractContextManager
from typing import Final

from structlog.contextvars import get_contextvars

from adapters import tracing
from adapters.tracing import Span

SERVICE: Final = "strongroom-realtime"


def span(event: str) -> AbstractContextManager[Span]:
    """A span around one event of a socket; what it raises marks it by its code.

    Each stands alone: a connection may last for days, and nobody waits so long for the end of a trace. The correlation
    id of the connection, which the log has too, finds those that belong together.
    """
    correlation_id = str(get_contextvars().get("correlation_id", ""))
    return tracing.span(f"socket {event}", "SERVER", strongroom__correlation_id=correlation_id)

"""Traces for an OpenTelemetry collector; without one configured, nothing is loaded or done.

The library is an extra (`otel` in pyproject.toml). A span's times and names leave the house, so nothing goes into one
that is not already in the log: patterns of addresses, names of tasks and hosts, codes, correlation ids.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import structlog

PARENT: Final = "traceparent"
"""The header that names the parent span across processes (W3C Trace Context)."""
Kind = Literal["SERVER", "CONSUMER", "CLIENT", "PRODUCER"]

log = structlog.get_logger(__name__)


class _Own:
    """This process's tracer."""

    provider: Any = None
    tracer: Any = None


class Span:
    """One open span, or a stand-in that does nothing where tracing is off."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def name(self, name: str, **facts: str | int) -> None:
        """Rename the span, and set attributes; a double underscore in an attribute's name stands for a dot."""
        if self._span is not None:
            self._span.update_name(name)
            self._span.set_attributes(_spelled(facts))


def begin(endpoint: str, service: str) -> bool:
    """Trace from now on, and send spans to this collector in the background; False where the library is missing.

    Call it after a fork. A collector that does not answer costs spans and nothing else.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("traces_not_installed", missing="opentelemetry-sdk, opentelemetry-exporter-otlp-proto-http")
        return False
    _Own.provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=True)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    _Own.provider.add_span_processor(BatchSpanProcessor(exporter))
    _Own.tracer = _Own.provider.get_tracer("strongroom")
    return True


def end() -> None:
    """Send the spans that are left, and stop tracing."""
    provider, _Own.provider, _Own.tracer = _Own.provider, None, None
    if provider is not None:
        provider.shutdown()


@contextmanager
def span(name: str, kind: Kind, *, parent: str | None = None, **facts: str | int) -> Iterator[Span]:
    """A span around the block; an exception marks it as failed, by its code or class alone, and is raised on."""
    if _Own.tracer is None:
        yield Span()
        return
    from opentelemetry.trace import SpanKind, Status, StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract({PARENT: parent}) if parent else None
    with _Own.tracer.start_as_current_span(
        name, context, SpanKind[kind], _spelled(facts), record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield Span(opened)
        except BaseException:
            fault = sys.exc_info()[1]
            opened.set_status(Status(StatusCode.ERROR, getattr(fault, "code", None) or type(fault).__name__))
            raise


def carried() -> str | None:
    """The `traceparent` of the open span, to continue it in another process; None if there is none."""
    if _Own.tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(PARENT)


def _spelled(facts: dict[str, str | int]) -> dict[str, str | int]:
    """Attributes as OpenTelemetry names them: with dots."""
    return {name.replace("__", "."): value for name, value in facts.items()}

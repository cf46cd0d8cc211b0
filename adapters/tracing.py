"""What one request led to, as spans for an OpenTelemetry collector; where none is named, nothing is loaded or done.

The library is an extra (`otel` in pyproject.toml). A span's times and names leave the house, so nothing goes into one
that is not already in the log: patterns of addresses, names of tasks and hosts, codes, correlation ids.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

import structlog

PARENT: Final = "traceparent"
"""What carries a span's name from one process to the next (W3C Trace Context)."""
Kind = Literal["SERVER", "CONSUMER", "CLIENT", "PRODUCER"]

log = structlog.get_logger(__name__)


class _Own:
    """What this process traces with."""

    provider: Any = None
    tracer: Any = None


class Span:
    """One span that is open, or none at all."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def name(self, name: str, **facts: str | int) -> None:
        """Say what turned out to be its name, and more about it."""
        if self._span is not None:
            self._span.update_name(name)
            self._span.set_attributes(_spelled(facts))


def begin(endpoint: str, service: str) -> bool:
    """Trace from now on, and send spans to the collector there by and by; whether the library is here to do so.

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
    """Send what was not sent yet, and trace no more."""
    provider, _Own.provider, _Own.tracer = _Own.provider, None, None
    if provider is not None:
        provider.shutdown()


@contextmanager
def span(name: str, kind: Kind, *, parent: str | None = None, **facts: str | int) -> Iterator[Span]:
    """A span around what happens inside; what that raises marks it as failed by its kind alone, and passes."""
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
    """The span that is open here, for whoever goes on with it elsewhere; None if there is none."""
    if _Own.tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(PARENT)


def _spelled(facts: dict[str, str | int]) -> dict[str, str | int]:
    """Facts as OpenTelemetry spells them: with dots."""
    return {name.replace("__", "."): value for name, value in facts.items()}

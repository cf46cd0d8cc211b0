"""The spans that a collector received, read with OpenTelemetry's own schema."""

from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.webhooks.receiver import Receiver


def sent_to(collector: Receiver) -> list[Any]:
    """All of them, in the order in which they ended."""
    return [span for _, span in by_service(collector)]


def by_service(collector: Receiver) -> Iterator[tuple[str, Any]]:
    """Each with the name of the program that it comes from."""
    for call in list(collector.calls):
        assert call.path == "/hooks/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(call.body).resource_spans:
            service = facts(resource.resource)["service.name"]
            yield from ((service, span) for scope in resource.scope_spans for span in scope.spans)


def facts(told: Any) -> dict[str, Any]:
    """The attributes of a span or of a program."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in told.attributes}

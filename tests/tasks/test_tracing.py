"""One trace holds what a request led to: the request, the task that it woke, and that task's calls to the node."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import pytest
import structlog
from celery import Celery
from redis import Redis

from adapters import tracing
from domain.node_refusals import NodeRefused
from tasks import app as tasks_app
from tasks.feed import push_events
from tasks.publisher import CeleryPublisher, impatient
from tests import horizon, spans
from tests.api.house import House
from tests.rail import COIN, Rail
from tests.services import outgoing
from tests.spans import facts
from tests.webhooks.receiver import Receiver, receiving

FOREIGN: Final = "00-11111111111111111111111111111111-2222222222222222-01"


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as collector:
        try:
            assert tracing.begin(collector.url, "strongroom-test")
            yield collector
        finally:
            tracing.end()


def spans_of(collector: Receiver) -> list[Any]:
    """What the collector was sent, in the order in which spans ended."""
    tracing.end()
    return spans.sent_to(collector)


def broker(rail: Rail) -> str:
    return rail.container.settings.redis_database(0).reveal()


def taken(redis_url: str, queue: str) -> dict[str, Any]:
    """The message that a worker would take from a queue."""
    with closing(Redis.from_url(redis_url)) as client:
        found: Any = client.rpop(f"strongroom:{queue}")
        return dict(json.loads(found))


@pytest.fixture
def traced(rail: Rail, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rail]:
    settings = replace(rail.container.settings, otlp_endpoint="http://collector")
    celery = Celery("test", config_source="celeryconfig", set_as_current=False)
    celery.conf.broker_url = settings.redis_database(0).reveal()
    rail.container = replace(rail.container, settings=settings, publisher=CeleryPublisher(impatient(celery)))
    monkeypatch.setattr(tasks_app, "container", lambda: rail.container)
    yield rail
    structlog.contextvars.clear_contextvars()


def test_one_trace_leads_from_a_request_over_its_task_to_the_node(traced: Rail, collector: Receiver) -> None:
    outgoing.usual_rules(traced)
    person = House(traced.container).person()
    traced.fund(person.user_id, COIN)
    push_events(traced.container)
    with closing(Redis.from_url(broker(traced))) as client:
        client.flushdb()

    body = {"asset": traced.asset_id, "amount": "0.05", "destination": traced.outside_address()}
    headers = {"traceparent": FOREIGN, "X-Correlation-ID": "correlation-17"}
    assert person.post("/withdrawals", body, key="one", headers=headers).status_code == 201
    message = taken(broker(traced), "money")
    assert message["headers"]["task"] == "withdrawals.pay"
    tasks_app.app.tasks["withdrawals.pay"].apply(headers=message["headers"], throw=True)
    assert traced.withdrawal().state == "broadcast"
    horizon.reached(traced.container.engine)
    push_events(traced.container)

    ended = spans_of(collector)
    [request] = [span for span in ended if span.name == "POST /api/v1/withdrawals"]
    [task] = [span for span in ended if span.name == "withdrawals.pay"]
    calls = [span for span in ended if span.name == "bitcoin" and span.parent_span_id == task.span_id]
    assert calls
    assert {span.trace_id for span in (request, task, *calls)} == {request.trace_id}
    assert task.parent_span_id == request.span_id
    assert not request.parent_span_id
    assert request.trace_id.hex() not in FOREIGN
    assert facts(request)["http.route"] == "/api/v1/withdrawals"
    assert facts(request)["http.response.status_code"] == 201
    assert facts(request)["strongroom.correlation_id"] == facts(task)["strongroom.correlation_id"] == "correlation-17"
    assert facts(calls[0])["server.address"].startswith("127.0.0.1:")
    told = {span.name: facts(span)["strongroom.correlation_id"] for span in ended if span.name.startswith("tell ")}
    assert told["tell withdrawal.requested"] == told["tell withdrawal.broadcast"] == "correlation-17"


def test_a_span_says_what_went_wrong_by_its_code_and_nothing_more(collector: Receiver) -> None:
    with pytest.raises(NodeRefused), tracing.span("bitcoin", "CLIENT"):
        raise NodeRefused("the node at secret.internal cannot be reached")
    [span] = spans_of(collector)
    assert (span.status.code, span.status.message) == (2, "node_refused")
    assert not span.events


def test_without_a_collector_nothing_is_traced() -> None:
    with tracing.span("bitcoin", "CLIENT") as span:
        span.name("other", fact=1)
        assert tracing.carried() is None

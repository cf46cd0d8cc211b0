"""Waking workers: heard when the broker is there, and hardly noticed when it is not."""

import os
import signal
from contextlib import closing
from dataclasses import replace
from time import perf_counter

import pytest
from celery import Celery
from redis import Redis

from models.work import OutboxMessage
from tasks import publisher as publishing
from tasks.publisher import CeleryPublisher, impatient
from tests.rail import COIN, Rail
from tests.services import outgoing
from tests.waiting import eventually
from wiring.embedded.redis import RedisServer


@pytest.fixture
def publisher(own_redis: RedisServer) -> CeleryPublisher:
    """A web process's publisher, on a Redis that this test may stop."""
    app = Celery("test", config_source="celeryconfig", set_as_current=False)
    app.conf.broker_url = own_redis.url
    return CeleryPublisher(impatient(app))


def waiting(own_redis: RedisServer, queue: str) -> int:
    with closing(Redis.from_url(own_redis.url)) as client:
        return int(client.llen(f"strongroom:{queue}"))


def seconds_to_wake(publisher: CeleryPublisher) -> float:
    started = perf_counter()
    publisher.wake(["withdrawals.pay"])
    return perf_counter() - started


def test_a_wake_up_reaches_the_queue_of_its_task(publisher: CeleryPublisher, own_redis: RedisServer) -> None:
    publisher.wake(["withdrawals.pay", "chains.watch"])
    assert (waiting(own_redis, "money"), waiting(own_redis, "watch")) == (1, 1)


def test_wake_ups_that_follow_close_upon_one_another_become_two_and_none_is_forgotten(
    publisher: CeleryPublisher, own_redis: RedisServer
) -> None:
    for _ in range(200):
        publisher.wake(["withdrawals.pay"])
    publisher.wake(["chains.watch"])
    eventually(lambda: waiting(own_redis, "money") >= 2)
    assert waiting(own_redis, "money") <= 4  # a slow machine may take some breaths for two hundred calls
    assert waiting(own_redis, "watch") == 1


def test_what_waits_to_be_sent_is_sent_before_the_process_ends(
    publisher: CeleryPublisher, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "BREATH_S", 3600.0)
    publisher.wake(["withdrawals.pay"])
    publisher.wake(["withdrawals.pay"])
    assert waiting(own_redis, "money") == 1
    publisher.flush()
    assert waiting(own_redis, "money") == 2


def test_a_broker_that_is_gone_costs_next_to_nothing_and_then_nothing(
    publisher: CeleryPublisher, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seconds_to_wake(publisher) < 2
    own_redis.stop()
    assert seconds_to_wake(publisher) < 1
    assert seconds_to_wake(publisher) < 0.05  # silent
    monkeypatch.setattr(publishing, "monotonic", lambda: float("inf"))
    assert seconds_to_wake(publisher) < 1


def test_a_broker_that_does_not_answer_costs_one_short_time_out(
    publisher: CeleryPublisher, own_redis: RedisServer
) -> None:
    publisher.wake(["withdrawals.pay"])
    assert own_redis._server is not None
    os.kill(own_redis._server.pid, signal.SIGSTOP)
    try:
        assert seconds_to_wake(publisher) < 4
        assert seconds_to_wake(publisher) < 0.05
    finally:
        os.kill(own_redis._server.pid, signal.SIGCONT)


def test_money_moves_while_the_broker_is_gone(rail: Rail, publisher: CeleryPublisher, own_redis: RedisServer) -> None:
    own_redis.stop()
    rail.container = replace(rail.container, publisher=publisher)
    outgoing.usual_rules(rail)
    user_id = outgoing.funded(rail)
    withdrawal = rail.request(user_id, COIN // 10)
    rail.pay()
    rail.mine()
    rail.watch()
    assert rail.withdrawal().state == "completed"
    assert outgoing.sent_once(rail, withdrawal.destination, COIN // 10)
    assert rail.count(OutboxMessage) > 0  # the promises are kept until somebody can be told

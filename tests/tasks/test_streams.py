"""The copies in Redis: each row once, whoever copies and however often, and all of it again when Redis lost it."""

import json
from typing import Any

import pytest
from redis import Redis

from adapters.stream_copy import KEY, Entry, StreamCopy
from domain.actor import Actor
from services.streams import STREAMS, spell
from tasks import streams
from tests import horizon
from tests.services import threads
from tests.services.test_streams import page, raised
from wiring.container import BUS, Container

ALERTS = STREAMS["ops.alert"]
BY = Actor("test")


@pytest.fixture
def redis(container: Container) -> Any:
    """A program of somebody else's, which follows the copies."""
    with Redis.from_url(container.settings.redis_database(BUS).reveal(), decode_responses=True) as client:
        for name in STREAMS:
            client.delete(KEY + name)
        yield client


def copied(container: Container, *, batch: int = 500, kept: int = 50_000) -> int:
    horizon.reached(container.engine)
    return streams.copy(container, ALERTS, batch=batch, kept=kept)


def ids(redis: Any) -> list[str]:
    return [entry_id for entry_id, _ in redis.xrange(KEY + "ops.alert")]


def places(container: Container) -> list[str]:
    return [spell(event.position) for event in page(container).events]


def test_the_copy_has_what_the_table_has_and_running_twice_adds_nothing(container: Container, redis: Any) -> None:
    raised(container, "a", "b", "c")
    assert copied(container, batch=2) == 3
    [(entry_id, entry), *_] = redis.xrange(KEY + "ops.alert")
    event = page(container).events[0]
    assert entry_id == f"{event.position.xid}-{event.position.seq}"
    assert (entry["type"], json.loads(entry["event"])) == ("alert.raised", event.outside())
    assert copied(container) == 0
    raised(container, "d")
    assert streams.mirror.run.__wrapped__(container, BY) in {0, 1}  # as soon as it is settled
    copied(container)
    assert ids(redis) == places(container)


def test_what_redis_lost_is_copied_again(container: Container, redis: Any) -> None:
    raised(container, "a", "b", "c")
    copied(container)
    redis.flushdb()
    assert copied(container) == 3
    # Redis may also come back without its last second.
    first, *_ = page(container).events
    redis.delete(KEY + "ops.alert")
    redis.xadd(KEY + "ops.alert", {"type": first.type, "event": "{}"}, id=spell(first.position))
    assert copied(container) == 2
    assert ids(redis) == places(container)


def test_an_emptied_copy_begins_with_no_more_than_is_kept(container: Container, redis: Any) -> None:
    raised(container, *(f"scope {number}" for number in range(7)))
    assert copied(container, kept=5) == 5
    assert ids(redis) == places(container)[2:]


def test_old_entries_are_trimmed_and_the_place_is_kept(container: Container, redis: Any) -> None:
    raised(container, "a", "b")
    copied(container)
    redis.xtrim(KEY + "ops.alert", maxlen=0, approximate=False)
    assert copied(container) == 0
    raised(container, "c")
    assert copied(container) == 1
    old = [Entry(f"{2**40 + number}-1", "x", "{}") for number in range(500)]
    assert container.stream_copy.append("ops.alert", old, after=places(container)[-1], kept=100)
    assert redis.xlen(KEY + "ops.alert") < 300


def test_the_copy_of_another_database_is_replaced(container: Container, redis: Any) -> None:
    redis.xadd(KEY + "ops.alert", {"type": "alert.raised", "event": "{}"}, id=f"{2**40}-9")
    raised(container, "a")
    assert copied(container) == 1
    assert ids(redis) == places(container)


def test_many_copy_at_once_and_each_row_is_there_once(container: Container, redis: Any) -> None:
    raised(container, *(f"scope {number}" for number in range(30)))
    horizon.reached(container.engine)
    threads.at_once(*[lambda: streams.copy(container, ALERTS, batch=3)] * 4)
    copied(container)
    assert ids(redis) == places(container)


def test_what_was_looked_at_before_redis_was_emptied_is_not_added_behind_a_gap(container: Container) -> None:
    entries = [Entry("5-1", "alert.raised", "{}")]
    container.stream_copy.forget("ops.alert")
    assert not container.stream_copy.append("ops.alert", entries, after="4-1")
    assert container.stream_copy.top("ops.alert") == "0-0"


def test_without_redis_nothing_is_copied_and_nothing_breaks(container: Container) -> None:
    raised(container, "a")
    for away in (StreamCopy(None), StreamCopy("redis://127.0.0.1:1/0")):
        object.__setattr__(container, "stream_copy", away)
        assert streams.mirror.run.__wrapped__(container, BY) == 0

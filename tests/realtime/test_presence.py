"""Who is here, as Redis keeps it: those who leave together are noted together, on few connections."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from redis import Redis

from adapters.presence import Presence
from domain.ids import new_id
from tests.api.house import House
from tests.realtime.client import Client
from tests.waiting import eventually
from wiring.container import CACHE, CACHE_CONNECTIONS_MAX, Container, build_container

TOGETHER = 60


@pytest.fixture
def redis(container: Container) -> Redis:
    return Redis.from_url(container.settings.redis_database(CACHE).reveal())


@pytest.fixture
def presence(redis: Redis) -> Presence:
    return Presence(redis)


def names(count: int) -> list[str]:
    return [new_id().hex for _ in range(count)]


def test_who_leaves_with_others_is_gone_with_their_last_socket_and_told_of_once(presence: Presence) -> None:
    alice, bob, carol = names(3)
    assert presence.vouch([(alice, "1"), (alice, "2"), (bob, "3"), (carol, "4")]) == [alice, bob, carol]
    assert presence.leave([(alice, "1"), (bob, "3"), (bob, "never was")]) == [bob]
    assert presence.among([alice, bob, carol]) == {alice, carol}
    assert sorted(presence.leave([(alice, "2"), (bob, "3"), (carol, "4")])) == sorted([alice, carol])


def test_more_leave_at_once_than_one_script_takes(presence: Presence) -> None:
    many = [(name, name) for name in names(1_200)]
    presence.vouch(many)
    assert len(presence.leave(many)) == len(many)
    assert presence.among([name for name, _ in many]) == frozenset()


def test_a_realtime_process_has_few_connections_however_many_want_one(container: Container, redis: Redis) -> None:
    def opened() -> int:
        return sum(client["db"] == db for client in redis.client_list())

    db = str(redis.connection_pool.connection_kwargs["db"])
    parts, ready, before = build_container(container.settings, listens=True), Barrier(TOGETHER), opened()

    def ask(_: int) -> None:
        ready.wait(20)
        for _ in range(5):
            parts.presence.among(asked)

    asked = names(2_000)
    with ThreadPoolExecutor(TOGETHER) as threads:
        list(threads.map(ask, range(TOGETHER)))
    # A pool closes nothing, so what was opened is open still.
    assert 0 < opened() - before <= CACHE_CONNECTIONS_MAX
    parts.engine.dispose()


def test_everybody_who_closes_at_once_is_away(house: House, processes: tuple[str, str]) -> None:
    people = [house.person() for _ in range(5)]
    clients = [Client(processes[number % 2], person.token) for number, person in enumerate(people)]
    keys = [person.public_key for person in people]
    eventually(lambda: house.container.presence.among(keys) == set(keys), what="presence")
    for client in clients:
        client.close()
    eventually(lambda: not house.container.presence.among(keys), what="absence")

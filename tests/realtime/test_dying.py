"""A process that is killed, a Redis that goes away, a listener gone deaf, a stranger who says nothing: noticed."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import websocket

from tests.api.house import House
from tests.realtime.client import Client
from tests.realtime.conftest import start
from tests.realtime.processes import RealtimeProcess
from tests.realtime.wire import Wire
from tests.services.threads import at_once
from tests.waiting import eventually
from wiring.container import build_container
from wiring.embedded.redis import RedisServer
from wiring.secret import Secret
from wiring.settings import Settings

pytestmark = pytest.mark.long


@pytest.fixture
def lonely(settings: Settings, own_redis: RedisServer) -> Iterator[House]:
    """A house with a Redis that a test may stop."""
    container = build_container(replace(settings, redis_url=Secret(own_redis.url)))
    yield House(container)
    container.engine.dispose()


@pytest.fixture
def pair(lonely: House, tmp_path: Path) -> Iterator[list[RealtimeProcess]]:
    running = start(lonely.container.settings, tmp_path, count=2)
    yield running
    for process in running:
        process.kill()


def test_silence_is_noticed_in_time(lonely: House, pair: list[RealtimeProcess], house: House, tmp_path: Path) -> None:
    """Three at the same time, because each of them mostly waits."""
    at_once(
        lambda: presence_is_right_within_a_minute_of_a_killed_process(lonely, pair),
        lambda: a_process_that_has_gone_deaf_ends_itself_and_is_started_again(house, tmp_path),
        lambda: a_connection_that_never_says_who_it_is_ends(pair[1].url),
    )


def presence_is_right_within_a_minute_of_a_killed_process(lonely: House, pair: list[RealtimeProcess]) -> None:
    eventually(lambda: lonely.container.bus.subscribers() == 2, what="listeners, before anybody is here")
    alice, bob, carol = (lonely.person() for _ in range(3))
    with (
        Client(pair[1].url, alice.token) as watching,
        Client(pair[0].url, bob.token) as _,
        Client(pair[0].url, carol.token) as _,
        Client(pair[1].url, carol.token) as _,
    ):
        for here in (bob.public_key, carol.public_key):
            eventually(partial(watching.has_heard, "user_joined", {"pubkey": here}), what="an arrival")
        killed_at = time.monotonic()
        pair[0].kill()
        watching.await_event("user_left", lambda data: data == {"pubkey": bob.public_key})
        assert time.monotonic() - killed_at < 60
        # Carol is still here, in another window; so is the one who watches.
        left = lonely.container.presence.online(limit=10)
        assert set(left) == {alice.public_key, carol.public_key}
        assert watching.count("user_left") == 1


def a_process_that_has_gone_deaf_ends_itself_and_is_started_again(house: House, tmp_path: Path) -> None:
    usual = house.container.settings
    assert usual.redis_url is not None
    with Wire(usual.redis_url.reveal()) as wire:
        [process] = start(replace(usual, redis_url=Secret(wire.url)), tmp_path / "deaf", count=1)
        try:
            first = process.worker()
            with Client(process.url, house.person().token) as client:
                client.await_event("online_users")
                wire.mute()
                eventually(lambda: '"event": "deaf"' in process.log.read_text(), what="being noticed")
                eventually(lambda: not client.connected, what="the end of the connection")
            wire.unmute()
            eventually(lambda: process.answers() and process.worker() != first, what="another worker")
        finally:
            process.kill()


def a_connection_that_never_says_who_it_is_ends(url: str) -> None:
    address = f"{url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket"
    raw = websocket.create_connection(address, timeout=40)
    with contextlib.suppress(websocket.WebSocketException, OSError):
        while raw.recv():
            raw.send("3")
    assert not raw.connected
    raw.close()
    # close() alone leaves open what the server closed first.
    raw.shutdown()  # type: ignore[no-untyped-call]


def test_a_redis_that_restarts_empty_is_caught_up_with(
    lonely: House, pair: list[RealtimeProcess], own_redis: RedisServer
) -> None:
    alice, bob = lonely.person(), lonely.person()
    with Client(pair[0].url, alice.token) as one, Client(pair[1].url, bob.token) as other:
        one.await_event("user_joined", lambda data: data == {"pubkey": bob.public_key})
        one.heard.clear()
        address = own_redis.url
        own_redis.kill()
        # Said while nobody carries it: kept, and read again later.
        assert one.ask("message", {"to": bob.public_key, "message": "Are you there?"})["ok"]
        restart_empty(own_redis)
        assert own_redis.url == address
        # Each process notices by itself, says so to its own, and vouches for them again.
        for client in (one, other):
            client.await_event("online_users")
        eventually(
            lambda: set(lonely.container.presence.online(limit=10)) == {alice.public_key, bob.public_key},
            what="presence",
        )
        missed = bob.get(f"/conversations/{alice.public_key}/messages").get_json()["items"]
        assert [item["message"] for item in missed] == ["Are you there?"]
        one.ask("message", {"to": bob.public_key, "message": "And now?"})
        other.await_event("message", lambda data: data["message"] == "And now?")


def restart_empty(redis: RedisServer) -> None:
    """The same address and password, and nothing in it."""
    for left in redis._home.glob("appendonlydir/*"):
        left.unlink()
    redis.start_again()

"""The bus between processes: events for people's sockets, and whose right to be connected must be checked again."""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from redis import Redis
from redis.exceptions import RedisError
from socketio import RedisManager

AVOIDED_S: Final = 1.0
LISTEN_AGAIN_S: Final = 1.0
WAIT_S: Final = 0.5
_CONTROL: Final = b'{"strongroom"'

log = structlog.get_logger(__name__)

Recheck = Callable[[frozenset[str]], None]


def user_room(user_id: object) -> str:
    """The room of all sockets that a person holds."""
    return f"user:{user_id}"


def scoped_room(user_id: object, scope: str) -> str:
    """The room of the apps that act for a user within this scope."""
    return f"user:{user_id}:{scope}"


OPERATORS: Final = "operators"
PEOPLE: Final = "people"
"""Everybody who is signed in themselves; no apps."""


class Bus(RedisManager):  # type: ignore[misc]  # python-socketio is not typed
    """Socket.IO's manager on our Redis: every process may publish, and a realtime process subscribes as well.

    Delivery is at most once: whoever was not subscribed reads again. Publishing never raises and never waits long;
    after a failure it is skipped for AVOIDED_S. `on_recheck` gets the names of sessions and authorizations that
    changed; `on_gap` is called when messages may have been missed.
    """

    def __init__(self, url: str | None, *, listens: bool = False) -> None:
        super().__init__(url or "", channel=_channel(url), write_only=not listens)
        self.on_recheck: Recheck = _ignore
        self.on_gap: Callable[[], None] = lambda: None
        self.heard_at = time.monotonic()
        self._url = url
        self._speaker: Redis | None = None
        self._silent_until = 0.0

    def say(self, event: str, data: Mapping[str, Any], rooms: Sequence[str], *, but: str | None = None) -> None:
        """Send an event to every socket in any of these rooms, except the socket `but`."""
        if self._url is not None:
            self.emit(event, dict(data), room=list(rooms), skip_sid=but)

    def recheck(self, names: Collection[str]) -> None:
        """Have every realtime process check the sockets again that depend on these sessions and authorizations."""
        if self._url is not None:
            self._publish({"strongroom": "recheck", "names": sorted(names)})

    def beat(self) -> bool:
        """Publish a heartbeat to ourselves; returns whether anybody is subscribed. Raises RedisError."""
        return bool(self._client().publish(self.channel, json.dumps({"strongroom": "beat", "host": self.host_id})))

    def subscribers(self) -> int:
        """How many processes are subscribed, according to Redis (PUBSUB NUMSUB). Raises RedisError."""
        [(_, count)] = self._client().pubsub_numsub(self.channel)
        return int(count)

    def _client(self) -> Any:
        if self._speaker is None:
            self._speaker = Redis.from_url(self.redis_url, socket_timeout=WAIT_S, socket_connect_timeout=WAIT_S)
        return self._speaker

    def _publish(self, data: Mapping[str, Any]) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            self._client().publish(self.channel, json.dumps(data, separators=(",", ":")))
        except RedisError as fault:
            self._silent_until = time.monotonic() + AVOIDED_S
            log.warning("the bus does not take what is said", error=str(fault))

    def _listen(self) -> Iterator[bytes]:
        """Yield every message for Socket.IO, for ever; our own are handled on the way."""
        missed = False
        while True:
            client = Redis.from_url(self.redis_url, socket_connect_timeout=WAIT_S, socket_keepalive=True)
            try:
                yield from self._heard(client, missed=missed)
            except RedisError as fault:
                log.warning("the bus is not heard", error=str(fault))
            finally:
                client.close()
            missed = True
            time.sleep(LISTEN_AGAIN_S)

    def _heard(self, client: Any, *, missed: bool) -> Iterator[bytes]:
        channel: Any = client.pubsub(ignore_subscribe_messages=False)
        channel.subscribe(self.channel)
        for message in channel.listen():
            self.heard_at = time.monotonic()
            if message["type"] == "subscribe" and missed:
                self._silent_until = 0.0
                self.on_gap()
            elif message["type"] == "message":
                data: bytes = message["data"]
                if data.startswith(_CONTROL):
                    self._control(data)
                else:
                    yield data

    def _control(self, data: bytes) -> None:
        told = json.loads(data)
        if told["strongroom"] == "recheck":
            self.on_recheck(frozenset(told["names"]))


def _ignore(_: frozenset[str]) -> None:
    """Nobody is connected to this process."""


def _channel(url: str | None) -> str:
    """A channel of this installation alone: channels are not separated by Redis's numbered databases."""
    return f"strongroom:bus:{urlsplit(url or '').path.strip('/') or 0}"

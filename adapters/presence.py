"""Who is online, in Redis, shared by all processes; the sockets of a killed process expire.

A user is online while one of their sockets is, and a socket is until it expires: the process that holds it prolongs
it, and one that was killed does not. All times are by the clock of Redis.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import structlog
from redis import Redis
from redis.exceptions import RedisError

TTL_S: Final = 25
"""A socket that was not prolonged for this long is gone."""
REFRESH_S: Final = 8.0
"""How often a process prolongs its sockets; one round lost to a slow Redis does no harm."""
AVOIDED_S: Final = 2.0
_BATCH: Final = 500
_USERS: Final = "presence:users"
_SOCKETS: Final = "presence:user:"

_NOW: Final = "local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000; "
# KEYS: users; ARGV: ttl, prefix, then user and socket in turns. Answers which users were offline before.
_VOUCH: Final = (
    _NOW
    + """
    local ttl, fresh = tonumber(ARGV[1]), {}
    for i = 3, #ARGV, 2 do
        local user, key = ARGV[i], ARGV[2] .. ARGV[i]
        if not redis.call('ZSCORE', KEYS[1], user) then fresh[#fresh + 1] = user end
        redis.call('ZADD', key, now + ttl, ARGV[i + 1])
        redis.call('EXPIRE', key, ttl + 5)
        redis.call('ZADD', KEYS[1], now + ttl, user)
    end
    return fresh
    """
)
# KEYS: users; ARGV: prefix, then user and socket in turns. Answers the users whose last socket that was.
_LEAVE: Final = (
    _NOW
    + """
    local gone = {}
    for i = 2, #ARGV, 2 do
        local user, key = ARGV[i], ARGV[1] .. ARGV[i]
        redis.call('ZREM', key, ARGV[i + 1])
        redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
        local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
        if last[2] then
            redis.call('ZADD', KEYS[1], last[2], user)
        elseif redis.call('ZREM', KEYS[1], user) == 1 then
            gone[#gone + 1] = user
        end
    end
    return gone
    """
)
# KEYS: users. Answers whose sockets have all expired; each user is given to one caller only.
_REAP: Final = (
    _NOW
    + """
    local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)
    if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
    return gone
    """
)

log = structlog.get_logger(__name__)


class Presence:
    """Users, by their public keys, and their sockets. Without a Redis, or while it is down, nobody is online."""

    def __init__(self, client: "Redis | None" = None) -> None:
        self._client: Any = client
        self._avoided_until = 0.0
        scripts = (_VOUCH, _LEAVE, _REAP)
        self._vouch, self._leave, self._reap = (
            client.register_script(script) if client is not None else None for script in scripts
        )

    def join(self, user: str, socket: str) -> bool:
        """Register a socket of this user; returns whether it is their first."""
        return bool(self.vouch([(user, socket)]))

    def vouch(self, sockets: Iterable[tuple[str, str]]) -> list[str]:
        """Prolong these sockets (each: user, socket); returns the users who had counted as offline."""
        fresh: list[str] = []
        for some in _batches(sockets):
            fresh += _spelled(self._asked(self._vouch, [_USERS], [TTL_S, _SOCKETS, *some]))
        return fresh

    def leave(self, sockets: Iterable[tuple[str, str]]) -> list[str]:
        """These sockets (each: user, socket) are gone; the answer is the users who have none left."""
        gone: list[str] = []
        for some in _batches(sockets):
            gone += _spelled(self._asked(self._leave, [_USERS], [_SOCKETS, *some]))
        return gone

    def reap(self) -> list[str]:
        """Remove and return the users whose sockets have all expired; each is returned once, to the first caller."""
        return _spelled(self._asked(self._reap, [_USERS], []))

    def online(self, *, limit: int) -> list[str]:
        """The users online, those prolonged last first, at most `limit`."""
        return _spelled(self._said(lambda: self._client.zrevrange(_USERS, 0, limit - 1)))

    def count(self) -> int:
        """How many are here."""
        return self._said(lambda: self._client.zcard(_USERS)) or 0

    def among(self, users: Collection[str]) -> frozenset[str]:
        """Those of these users who are here."""
        asked: Sequence[str] = list(users)
        if not asked:
            return frozenset()
        scores = self._said(lambda: self._client.zmscore(_USERS, asked)) or [None] * len(asked)
        return frozenset(user for user, score in zip(asked, scores, strict=True) if score is not None)

    def _asked(self, script: Any, keys: list[str], arguments: list[Any]) -> Any:
        return self._said(lambda: script(keys=keys, args=arguments))

    def _said(self, ask: Any) -> Any:
        if self._client is None or time.monotonic() < self._avoided_until:
            return None
        try:
            return ask()
        except RedisError as fault:
            self._avoided_until = time.monotonic() + AVOIDED_S
            log.warning("presence is not known", error=str(fault))
            return None


def _spelled(users: Sequence[bytes] | None) -> list[str]:
    return [user.decode() for user in users or ()]


def _batches(sockets: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    """Users and sockets in turns, as many as one script may take without blocking Redis for long."""
    pairs = list(sockets)
    for start in range(0, len(pairs), _BATCH):
        yield [part for pair in pairs[start : start + _BATCH] for part in pair]

"""Token buckets: a burst, then a rate per second; for one process, or in Redis for all of them together."""

import time
from dataclasses import dataclass
from typing import Any, Final

import structlog
from redis import Redis
from redis.exceptions import RedisError

AVOIDED_S: Final = 2.0
_PREFIX: Final = "bucket:"
# KEYS: the bucket; ARGV: capacity, tokens per second. Answers 0 if one was taken, else milliseconds to wait.
_TAKE: Final = """
    local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000
    local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
    local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
    local tokens = math.min(capacity, (tonumber(held[1]) or capacity) + (now - (tonumber(held[2]) or now)) * rate)
    local wait = 0
    if tokens >= 1 then tokens = tokens - 1 else wait = math.ceil((1 - tokens) / rate * 1000) end
    redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
    redis.call('EXPIRE', KEYS[1], math.ceil(capacity / rate) + 1)
    return wait
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """`capacity` at once, and `per_s` new ones each second."""

    capacity: int
    per_s: float


@dataclass(slots=True)
class LocalBucket:
    """A bucket in this process, for one holder."""

    allowance: Allowance
    tokens: float = -1.0
    at: float = 0.0

    def take(self) -> float:
        """Take one; 0 when there was one, else the seconds until there is."""
        now = time.monotonic()
        filled = self.allowance.capacity if self.tokens < 0 else self.tokens + (now - self.at) * self.allowance.per_s
        self.tokens, self.at = min(float(self.allowance.capacity), filled), now
        if self.tokens < 1:
            return (1 - self.tokens) / self.allowance.per_s
        self.tokens -= 1
        return 0.0


class SharedBuckets:
    """Buckets by name, shared by all processes. Without a Redis, or while it is down, they are never empty."""

    def __init__(self, client: "Redis | None" = None) -> None:
        self._take: Any = client.register_script(_TAKE) if client is not None else None
        self._avoided_until = 0.0

    def take(self, name: str, allowance: Allowance) -> float:
        """Take one from this bucket; 0 when there was one, else the seconds until there is."""
        if self._take is None or time.monotonic() < self._avoided_until:
            return 0.0
        try:
            wait_ms = self._take(keys=[_PREFIX + name], args=[allowance.capacity, allowance.per_s])
        except RedisError as fault:
            self._avoided_until = time.monotonic() + AVOIDED_S
            log.warning("events are counted in this process alone", error=str(fault))
            return 0.0
        return float(wait_ms) / 1000

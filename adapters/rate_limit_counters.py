"""Rate-limit counters in Redis: attempts that a process counts at the same moment share one message."""

from collections.abc import Sequence
from typing import Any, Final

from limits.storage import RedisStorage
from redis.exceptions import RedisError

from models.batching import Batcher

# Each attempt is counted by itself and gets the count that it made: none is left out or counted twice.
_COUNT: Final = """
local counts = {}
for place, key in ipairs(KEYS) do
    counts[place] = redis.call("incrby", key, ARGV[2 * place - 1])
    if counts[place] == tonumber(ARGV[2 * place - 1]) then
        redis.call("expire", key, ARGV[2 * place])
    end
end
return counts
"""
_Attempt = tuple[str, int, int]


class RateLimitCounters(RedisStorage):
    """The Redis store of `limits`, with increments batched: a round trip costs more than the increment itself."""

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri, **options)
        self._count = self.storage.register_script(_COUNT)
        self._batcher: Batcher[_Attempt, int | RedisError] = Batcher(self._counted)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count, which expires `expiry` seconds after its first increment; returns the new count.

        Raises RedisError.
        """
        counted = self._batcher((self.prefixed_key(key), amount, expiry))
        if isinstance(counted, RedisError):
            raise RedisError(str(counted)) from counted
        return counted

    def _counted(self, attempts: Sequence[_Attempt]) -> Sequence[int | RedisError]:
        said = [part for _, amount, expiry in attempts for part in (amount, expiry)]
        try:
            counts: list[int] = self._count([key for key, _, _ in attempts], said)
        except RedisError as fault:
            # Not retried one by one: the attempts may have been counted, and the callers have waited once already.
            return [fault] * len(attempts)
        return counts

"""Counts of attempts in Redis: those that a process makes at one moment go in one message."""

from collections.abc import Sequence
from typing import Any, Final

from limits.storage import RedisStorage
from redis.exceptions import RedisError

from models.together import Together

# Each attempt is counted for itself, and learns the count that it made: nobody's is left out or counted twice.
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


class SharedCounts(RedisStorage):
    """The store of `limits`, counting as it does; at sign-in a message to Redis costs more than what Redis does."""

    def __init__(self, uri: str, **options: Any) -> None:
        super().__init__(uri, **options)
        self._count = self.storage.register_script(_COUNT)
        self._together: Together[_Attempt, int | RedisError] = Together(self._counted)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a count, which begins to expire with its first; returns what it is now. Raises RedisError."""
        counted = self._together((self.prefixed_key(key), amount, expiry))
        if isinstance(counted, RedisError):
            raise RedisError(str(counted)) from counted
        return counted

    def _counted(self, attempts: Sequence[_Attempt]) -> Sequence[int | RedisError]:
        said = [part for _, amount, expiry in attempts for part in (amount, expiry)]
        try:
            counts: list[int] = self._count([key for key, _, _ in attempts], said)
        except RedisError as fault:
            # Not asked again one by one: it may have been counted, and whoever waited has waited once.
            return [fault] * len(attempts)
        return counts

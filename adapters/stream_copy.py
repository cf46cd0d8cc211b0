"""The copy of an event stream in Redis, for programs that prefer to follow it there.

An entry's id is its row's place in the table, and only what follows the last entry can be appended: appending is
idempotent, whoever repeats it. The table is the truth; the copy may be lost.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from redis import Redis
from redis.exceptions import RedisError

KEY: Final = "strongroom:stream:"
"""The prefix of a stream's key, in the database of the bus; its name follows."""
KEPT: Final = 50_000
"""About how many entries are kept, the newest: with less than a kilobyte each, some 40 MB."""
WAIT_S: Final = 2.0
EMPTY: Final = "0-0"

_TOP: Final = """
    local function top(key)
        if redis.call('EXISTS', key) == 0 then return '0-0' end
        local facts = redis.call('XINFO', 'STREAM', key)
        for i = 1, #facts, 2 do if facts[i] == 'last-generated-id' then return facts[i + 1] end end
    end
"""
_READ: Final = _TOP + "return top(KEYS[1])"
# ARGV: the last entry that is expected, how many to keep, then id, type and event in turns.
_APPEND: Final = (
    _TOP
    + """
    if top(KEYS[1]) ~= ARGV[1] then return 0 end
    for i = 3, #ARGV, 3 do
        redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], ARGV[i], 'type', ARGV[i + 1], 'event', ARGV[i + 2])
    end
    return 1
    """
)


class CopyUnavailable(Exception):
    """Redis does not answer or refuses to write: nothing is known about the copy."""


class Entry(NamedTuple):
    """One event as it stands in the copy: its place in the table, its type, and all of it as JSON."""

    id: str
    type: str
    event: str


class StreamCopy:
    """The copies of all streams in one Redis. Without one there are none, and each method raises CopyUnavailable."""

    def __init__(self, url: str | None = None) -> None:
        """Nothing connects until it is used."""
        self._client: Any = None
        if url is not None:
            self._client = Redis.from_url(url, socket_timeout=WAIT_S, socket_connect_timeout=WAIT_S)
            self._top = self._client.register_script(_READ)
            self._append = self._client.register_script(_APPEND)

    def top(self, name: str) -> str:
        """The id of the last entry ever appended; EMPTY when there is no copy. Raises CopyUnavailable."""
        return str(self._ask(lambda: self._top(keys=[KEY + name])).decode())

    def append(self, name: str, entries: Sequence[Entry], *, after: str, kept: int = KEPT) -> bool:
        """Append what follows the entry `after`; False, and nothing is appended, if that is not the last one any more.

        Raises CopyUnavailable.
        """
        told = [part for entry in entries for part in entry]
        return bool(self._ask(lambda: self._append(keys=[KEY + name], args=[after, kept, *told])))

    def forget(self, name: str) -> None:
        """Throw a copy away. Raises CopyUnavailable."""
        self._ask(lambda: self._client.delete(KEY + name))

    def _ask(self, question: Any) -> Any:
        if self._client is None:
            raise CopyUnavailable
        try:
            return question()
        except RedisError as fault:
            raise CopyUnavailable(type(fault).__name__) from fault

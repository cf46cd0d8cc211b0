"""A connection pool in which whoever has waited longest gets the next connection.

SQLAlchemy's queue wakes a waiter, but a newcomer may take the connection first; the waiter then waits again, behind all
others. With more requests than connections, some wait several times as long as most, and now and then one gives up.
"""

import threading
from collections import deque
from typing import Final, Generic, TypeVar

from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.util.queue import Empty, Full, QueueCommon

Item = TypeVar("Item")
_NEVER: Final = -1.0


class Turns(QueueCommon[Item], Generic[Item]):
    """Like SQLAlchemy's queue for a pool, but in turns: nothing stays in it while somebody waits."""

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:  # noqa: FBT001, FBT002 - SQLAlchemy's
        self.maxsize = maxsize
        self.use_lifo = use_lifo
        self._items: deque[Item] = deque()
        self._waiting: deque[_Turn[Item]] = deque()
        self._lock = threading.Lock()

    def empty(self) -> bool:
        """Whether nothing lies in it."""
        return not self._items

    def full(self) -> bool:
        """Whether nothing more fits in."""
        return 0 < self.maxsize <= len(self._items)

    def qsize(self) -> int:
        """How much lies in it."""
        return len(self._items)

    def put(self, item: Item, block: bool = True, timeout: float | None = None) -> None:  # noqa: ARG002, FBT001, FBT002
        """Hand it to the longest waiter, or store it. Raises Full at once: giving back never waits."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().receive(item)
            elif self.full():
                raise Full
            else:
                self._items.append(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Item:  # noqa: FBT001, FBT002
        """What is stored, or what is given back when it is one's turn. Raises Empty when that takes too long."""
        with self._lock:
            if self._items:
                return self._items.pop() if self.use_lifo else self._items.popleft()
            if not block:
                raise Empty
            turn: _Turn[Item] = _Turn()
            self._waiting.append(turn)
        try:
            turn.comes(timeout)
        except BaseException:
            # A waiter that is interrupted takes nothing with it.
            if self._is_handed(turn):
                self.put(turn.item)
            raise
        if not self._is_handed(turn):
            raise Empty
        return turn.item

    def put_nowait(self, item: Item) -> None:
        """As `put`."""
        self.put(item, block=False)

    def get_nowait(self) -> Item:
        """As `get`, without waiting."""
        return self.get(block=False)

    def _is_handed(self, turn: "_Turn[Item]") -> bool:
        """Whether something was handed over; a waiter that gave up is removed."""
        with self._lock:
            if not turn.has_come:
                self._waiting.remove(turn)
            return turn.has_come


class _Turn(Generic[Item]):
    """Somebody who waits, and what they were handed."""

    __slots__ = ("_lock", "has_come", "item")
    item: Item

    def __init__(self) -> None:
        self.has_come = False
        self._lock = threading.Lock()
        self._lock.acquire()

    def comes(self, timeout: float | None) -> None:
        self._lock.acquire(timeout=_NEVER if timeout is None else timeout)

    def receive(self, item: Item) -> None:
        self.item, self.has_come = item, True
        self._lock.release()


class FairPool(QueuePool):
    """SQLAlchemy's pool with turns."""

    _queue_class = Turns[ConnectionPoolEntry]

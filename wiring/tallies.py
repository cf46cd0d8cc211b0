"""Count in memory, and add the sums to the database now and then, so that no request or task waits for a write."""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from time import time
from typing import Final, Generic, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from services import traffic
from services.traffic import Counted, Run

FLUSH_EVERY_S: Final = 10.0
KEYS_MAX: Final = 500
"""How many sums may wait while the database is down: eight hours of minutes, or every task there is."""
_MINUTE_S: Final = 60
_MICROSECONDS: Final = 1_000_000

log = structlog.get_logger(__name__)
Key = TypeVar("Key", datetime, Run)
Transaction = Callable[[], AbstractContextManager[Session]]


class Tally(Generic[Key]):
    """Sums by key, handed to `write` in one transaction some seconds after the first of them was counted.

    Make one after a fork. What was counted since the last writing is lost with a process that is killed.
    """

    def __init__(self, transaction: Transaction, write: Callable[[Session, Mapping[Key, Counted]], None]) -> None:
        self._transaction = transaction
        self._write: Callable[[Session, Mapping[Key, Counted]], None] = write
        self._sums: dict[Key, Counted] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def count(self, key: Key, *, duration_s: float, is_error: bool = False) -> None:
        """Count one more."""
        with self._lock:
            found = self._sums.get(key)
            if found is None:
                found = self._sums[key] = Counted()
            found.count += 1
            found.error_count += is_error
            found.duration_us += int(duration_s * _MICROSECONDS)
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_EVERY_S, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write the sums now. What cannot be written waits for the next time."""
        with self._lock:
            sums, self._sums, self._timer = self._sums, {}, None
        if not sums:
            return
        try:
            with self._transaction() as session:
                self._write(session, sums)
        except SQLAlchemyError as error:
            log.warning("sums_not_written", keys=len(sums), error=type(error).__name__)
            self._take_back(sums)

    def _take_back(self, sums: Mapping[Key, Counted]) -> None:
        with self._lock:
            for key, counted in sums.items():
                if key in self._sums:
                    self._sums[key].add(counted)
                elif len(self._sums) < KEYS_MAX:
                    self._sums[key] = counted


def requests_of(transaction: Transaction) -> Tally[datetime]:
    """A tally of requests, by the minute: see `this_minute`."""
    return Tally(transaction, traffic.add_requests)


def tasks_of(transaction: Transaction) -> Tally[Run]:
    """A tally of tasks."""
    return Tally(transaction, traffic.add_tasks)


def this_minute() -> datetime:
    """When the present minute began."""
    return datetime.fromtimestamp(time() // _MINUTE_S * _MINUTE_S, UTC)

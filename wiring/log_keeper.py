"""Store warnings and errors where the page of a flow finds them, without making whoever logs them wait."""

import logging
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from time import monotonic
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from services import log_lines
from wiring.logging import redact

WAITING_MAX: Final = 1_000
"""How many lines may wait to be stored; more than these are in the ordinary log only."""
PER_MINUTE_MAX: Final = 300
"""How many lines one process stores in a minute: a dead node causes the same one over and over."""
BATCH_MAX: Final = 200
LENGTH_MAX: Final = 2_000
_OWN: Final = frozenset(
    {"event", "level", "logger", "timestamp", "correlation_id", "_record", "_from_structlog", "exc_info", "stack_info"}
)
Transaction = Callable[[], AbstractContextManager[Session]]


class LogKeeper(logging.Handler):
    """Stores the warnings and errors that were logged in some request or task.

    What is logged while storing lines is not stored, so that a database that is down causes no flood.
    """

    def __init__(self, transaction: Transaction, clock: Callable[[], datetime]) -> None:
        """Make one after a fork; its thread starts with the first line."""
        super().__init__(logging.WARNING)
        self._transaction = transaction
        self._clock = clock
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue(WAITING_MAX)
        self._writer: threading.Thread | None = None
        self._minute, self._count = 0, 0

    def emit(self, record: logging.LogRecord) -> None:
        """Have the line stored soon; drop it if too many wait."""
        if threading.current_thread() is self._writer:
            return
        said: Mapping[str, Any] = record.msg if isinstance(record.msg, dict) else {"event": record.getMessage()}
        correlation_id = said.get("correlation_id") or structlog.contextvars.get_contextvars().get("correlation_id")
        if not isinstance(correlation_id, str) or not self._is_within_bounds():
            return
        try:
            self._lines.put_nowait(self._shaped(record, said, correlation_id))
        except queue.Full:
            return
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="log-keeper", daemon=True)
            self._writer.start()

    def drain(self) -> None:
        """Store what waits, in the caller's thread."""
        lines: list[dict[str, Any]] = []
        while not self._lines.empty() and len(lines) < BATCH_MAX:
            lines.append(self._lines.get_nowait())
        self._store(lines)

    def _is_within_bounds(self) -> bool:
        minute = int(monotonic() // 60)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        self._count += 1
        return self._count <= PER_MINUTE_MAX

    def _shaped(self, record: logging.LogRecord, said: Mapping[str, Any], correlation_id: str) -> dict[str, Any]:
        fields = redact(None, "", {name: value for name, value in said.items() if name not in _OWN})
        error = _error_of(record, said)
        if error is not None:
            fields["error"] = f"{type(error).__name__}: {error}"
        clean = redact(None, "", {"event": str(said.get("event", "")), **fields})
        return {
            "at": self._clock(),
            "correlation_id": correlation_id,
            "level": record.levelname.lower(),
            "logger": record.name,
            "line": _plain(clean.pop("event")),
            "said": {name: _plain(value) for name, value in clean.items()},
        }

    def _write(self) -> None:
        while True:
            lines = [self._lines.get()]
            while len(lines) < BATCH_MAX and not self._lines.empty():
                lines.append(self._lines.get_nowait())
            self._store(lines)

    def _store(self, lines: list[dict[str, Any]]) -> None:
        if not lines:
            return
        try:
            with self._transaction() as session:
                log_lines.append(session, lines)
        except SQLAlchemyError as error:
            structlog.get_logger(__name__).warning("log_lines_not_kept", lines=len(lines), error=type(error).__name__)


def keep_lines(transaction: Transaction, clock: Callable[[], datetime]) -> LogKeeper:
    """Store what this process logs from now on, replacing what its parent had waiting. Call it after a fork."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, LogKeeper):
            root.removeHandler(handler)
    keeper = LogKeeper(transaction, clock)
    root.addHandler(keeper)
    return keeper


def _error_of(record: logging.LogRecord, said: Mapping[str, Any]) -> BaseException | None:
    """The exception that the line is about, if it is: structlog is told of one in three ways."""
    told = said.get("exc_info")
    if isinstance(told, BaseException):
        return told
    if record.exc_info:
        return record.exc_info[1]
    return sys.exc_info()[1] if told is True else None


def _plain(value: Any) -> str:
    return str(value).replace("\0", "")[:LENGTH_MAX]

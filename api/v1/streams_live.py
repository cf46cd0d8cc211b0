"""A live event stream, as Server-Sent Events (WHATWG HTML, section 9.2)."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Any, Final
from uuid import UUID

import structlog
from flask import Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from api.refusals import TooManySockets
from services import streams
from services.events import Event, Position
from services.streams import Stream

MIMETYPE: Final = "text/event-stream"
LISTENERS_MAX: Final = 100
"""The most streams of one process at a time."""
LISTENERS_PER_USER_MAX: Final = 20
"""The most streams of one operator at a time, so that a page left in a loop does not keep the others out."""
RETRY_MS: Final = 1000
"""How soon a browser reconnects after an answer ends."""

log = structlog.get_logger(__name__)
_places: Final = BoundedSemaphore(LISTENERS_MAX)
_held: Final[Counter[UUID]] = Counter()
_counting: Final = Lock()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the log is polled, how long a stream may be silent, and how long one answer lasts, in seconds.

    An answer ends sooner than a process that is stopping is killed (STOP_PATIENCE_S of wiring/supervisor.py,
    `graceful_timeout` of gunicorn.conf.py), and the next request checks the reader's rights again.
    """

    look_s: float = 1.0
    heartbeat_s: float = 5.0
    open_s: float = 15.0


def tell(
    reading: Callable[[], AbstractContextManager[Session]],
    stream: Stream,
    after: Position,
    pace: Pace,
    batch: int,
    *,
    reader: UUID,
) -> Response:
    """Stream events for a limited time. Raises TooManySockets."""
    leave = _take_place(reader)
    response = Response(_lines(reading, stream, after, pace, batch), mimetype=MIMETYPE)
    # A proxy that buffers answers would pass on everything at the end.
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(leave)
    return response


def _take_place(reader: UUID) -> Callable[[], None]:
    """Take a place for this reader, which the answer releases. Raises TooManySockets."""
    with _counting:
        if _held[reader] >= LISTENERS_PER_USER_MAX or not _places.acquire(blocking=False):
            raise TooManySockets
        _held[reader] += 1
    places = _places

    def leave() -> None:
        with _counting:
            _held[reader] -= 1
            if not _held[reader]:
                del _held[reader]
        places.release()

    return leave


def item(event: Event) -> dict[str, Any]:
    """An event and its position, as in the page of a stream."""
    return {"position": streams.spell(event.position), **event.outside()}


def _lines(
    reading: Callable[[], AbstractContextManager[Session]], stream: Stream, after: Position, pace: Pace, batch: int
) -> Iterator[str]:
    """Events as they happen. Between two polls it holds no database connection, and only its greenlet waits."""
    ends_at = time.monotonic() + pace.open_s
    said_at = time.monotonic()
    # The position at once, so that a reader who receives no event resumes from there and not from the beginning.
    yield f"retry: {RETRY_MS}\nid: {streams.spell(after)}\n\n"
    while time.monotonic() < ends_at:
        try:
            with reading() as session:
                page = streams.read(session, stream, after=after, limit=batch)
        except (DBAPIError, PoolTimeout) as fault:
            # The reader reconnects from its position, and the status then says what is wrong.
            log.warning("stream_cut_short", stream=stream.name, error=type(fault).__name__)
            return
        for event in page.events:
            yield f"id: {streams.spell(event.position)}\ndata: {json.dumps(item(event), separators=(',', ':'))}\n\n"
        after = page.next
        if page.events:
            said_at = time.monotonic()
        elif time.monotonic() - said_at >= pace.heartbeat_s:
            said_at = time.monotonic()
            yield ": \n\n"
        if page.at_end:
            time.sleep(pace.look_s)

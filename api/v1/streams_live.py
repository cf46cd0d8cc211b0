"""An event stream told as it happens, as Server-Sent Events (WHATWG HTML, section 9.2)."""

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
"""One process tells no more than so many at once."""
LISTENERS_PER_USER_MAX: Final = 20
"""Of those, one operator no more than so many: a page that was forgotten in a loop keeps nobody else out."""
RETRY_MS: Final = 1000
"""When a browser whose answer has ended asks for the next."""

log = structlog.get_logger(__name__)
_places: Final = BoundedSemaphore(LISTENERS_MAX)
_held: Final[Counter[UUID]] = Counter()
_counting: Final = Lock()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the log is looked at, how long a silence may be, and how long one answer lasts, in seconds.

    An answer ends sooner than a process that is told to stop is killed (STOP_PATIENCE_S of wiring/supervisor.py,
    `graceful_timeout` of gunicorn.conf.py), and the next one asks anew whether its reader still may.
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
    """An answer that goes on for a while. Raises TooManySockets."""
    leave = _take_place(reader)
    response = Response(_lines(reading, stream, after, pace, batch), mimetype=MIMETYPE)
    # A proxy that gathers answers before it passes them on would tell everything at the end.
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(leave)
    return response


def _take_place(reader: UUID) -> Callable[[], None]:
    """Take a place for this reader; the answer gives it up. Raises TooManySockets."""
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
    """One event and its place, as the page of a stream has it too."""
    return {"position": streams.spell(event.position), **event.outside()}


def _lines(
    reading: Callable[[], AbstractContextManager[Session]], stream: Stream, after: Position, pace: Pace, batch: int
) -> Iterator[str]:
    """Events as they come. Between two looks it holds no connection to the database, and only its greenlet waits."""
    ends_at = time.monotonic() + pace.open_s
    said_at = time.monotonic()
    # The place at once, so that a reader who hears of no event goes on from there and not from the beginning.
    yield f"retry: {RETRY_MS}\nid: {streams.spell(after)}\n\n"
    while time.monotonic() < ends_at:
        try:
            with reading() as session:
                page = streams.read(session, stream, after=after, limit=batch)
        except (DBAPIError, PoolTimeout) as fault:
            # The reader comes back to where it was, and is then told by the status what is the matter.
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

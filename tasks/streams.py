"""Keep the copies of the event streams in Redis up to date with the tables."""

import json
from typing import Final

import structlog

from adapters.stream_copy import EMPTY, KEPT, CopyUnavailable, Entry
from domain.actor import Actor
from services import streams
from services.events import Event, Position
from services.streams import READ_MAX, STREAMS, Stream
from tasks.app import task
from wiring.container import Container

BATCHES_MAX: Final = 20
"""One turn does not go on for ever; the next one follows soon."""

log = structlog.get_logger(__name__)


@task("streams.mirror")
def mirror(container: Container, by: Actor) -> int:
    """Append what the copies lack. Returns how many events were copied; none while Redis is down."""
    try:
        return sum(copy(container, stream) for stream in STREAMS.values())
    except CopyUnavailable as fault:
        log.warning("streams_not_copied", error=str(fault))
        return 0


def copy(container: Container, stream: Stream, *, batch: int = READ_MAX, kept: int = KEPT) -> int:
    """Append what follows the last entry of one copy: that entry alone says how far the copy has come.

    So nothing is copied twice, whoever copies at the same time, and nothing is missing when Redis has lost some or all
    of it. Raises CopyUnavailable.
    """
    copied = 0
    after, top = _start(container, stream, kept)
    for _ in range(BATCHES_MAX):
        with container.reading() as session:
            page = streams.read(session, stream, after=after, limit=batch)
        if not page.events:
            break
        entries = [_entry(event) for event in page.events]
        if not container.stream_copy.append(stream.name, entries, after=top, kept=kept):
            break  # another process copies, or Redis was emptied: the next turn looks anew
        after, top = page.next, streams.spell(page.next)
        copied += len(entries)
        if page.at_end:
            break
    return copied


def _start(container: Container, stream: Stream, kept: int) -> tuple[Position, str]:
    """The place from which to go on, and the copy's last entry."""
    top = container.stream_copy.top(stream.name)
    with container.reading() as session:
        if top != EMPTY:
            place = stream.place(top)
            if streams.has(session, stream, place):
                return place, top
        # Empty, or a copy of another database than this: no more than is kept needs to be read.
        after = streams.before_newest(session, stream, kept)
    if top != EMPTY:
        log.warning("stream_copied_anew", stream=stream.name, ended_at=top)
        container.stream_copy.forget(stream.name)
    return after, EMPTY


def _entry(event: Event) -> Entry:
    return Entry(streams.spell(event.position), event.type, json.dumps(event.outside(), separators=(",", ":")))

"""How far the streams are written, how far their copies are, and how far each consumer of events has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from models.consumer import Consumer
from services import event_log, streams
from services.events import Position
from services.streams import STREAMS, Newest, Stream

BEHIND_MAX: Final = 1000
"""A copy that is further behind than this is reported as behind by at least this many rows."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The state of a copy: its last entry, how many rows it lacks, and since when the oldest of them waits."""

    position: Position
    behind_count: int
    waits_since: datetime | None


@dataclass(frozen=True, slots=True)
class Written:
    """One stream: its last row, and its copy; None for a copy that cannot be read now."""

    stream: Stream
    newest: Newest | None
    copy: Copy | None


@dataclass(frozen=True, slots=True)
class History:
    """Both streams, and everybody who reads the log of events."""

    written: Sequence[Written]
    consumers: Sequence[Consumer]


def history(session: Session, tops: Mapping[str, str | None]) -> History:
    """Read it, given the last entry of each copy, None where that is not known."""
    written = [
        Written(stream, streams.newest(session, stream), _copy(session, stream, tops.get(name)))
        for name, stream in STREAMS.items()
    ]
    return History(written, event_log.every(session))


def _copy(session: Session, stream: Stream, top: str | None) -> Copy | None:
    if top is None:
        return None
    position = stream.place(top)
    return Copy(
        position,
        streams.count_after(session, stream, position, limit=BEHIND_MAX),
        streams.first_after(session, stream, position),
    )

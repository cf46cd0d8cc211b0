"""The event streams that other programs follow: what the chains showed, and which alerts came and went.

A stream is one of the tables of the log (services/event_log.py), so a reader that resumes where it stopped misses
nothing, not even a row that committed late. A place in it is written `xid-seq`, which is also an id of a Redis stream.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar, Final

from sqlalchemy import Select, Subquery, func, select, tuple_
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.alert import OpsAlert
from models.deposit import FundingObservation
from services import event_log
from services.events import ALERT, FUNDING, SOURCES, Event, Position
from services.events.shape import InvalidPosition

END: Final = "end"
"""The place that a reader names who wants only what comes from now on."""
READ_MAX: Final = 500
_NUMBERS: Final = len(("xid", "seq"))


class UnknownStream(StrongroomError):
    """There is no such stream: the streams are `ops.funding_observation` and `ops.alert`."""

    code: ClassVar[str] = "unknown_stream"


@dataclass(frozen=True, slots=True)
class Stream:
    """One append-only table, read as a stream."""

    name: str
    source: str
    table: type[OpsAlert | FundingObservation]

    @property
    def beginning(self) -> Position:
        """The place before the first row."""
        return self.at(0, 0)

    def at(self, xid: int, seq: int) -> Position:
        """The place of the row that this transaction wrote under this number."""
        return Position(xid, SOURCES.index(self.source), seq)

    def place(self, text: str) -> Position:
        """The place that `spell` wrote as text. Raises InvalidPosition."""
        numbers = text.split("-")
        if len(numbers) != _NUMBERS:
            raise InvalidPosition
        return Position.read(f"{numbers[0]}-{SOURCES.index(self.source)}-{numbers[1]}")


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in order, the place to go on from, and whether nothing follows for now."""

    events: Sequence[Event]
    next: Position
    at_end: bool


@dataclass(frozen=True, slots=True)
class Newest:
    """The last row of a stream: its place, its number and when it was written."""

    position: Position
    sequence: int
    written_at: datetime


STREAMS: Final[Mapping[str, Stream]] = MappingProxyType(
    {
        "ops.funding_observation": Stream("ops.funding_observation", FUNDING, FundingObservation),
        "ops.alert": Stream("ops.alert", ALERT, OpsAlert),
    }
)


def named(name: str) -> Stream:
    """The stream of this name. Raises UnknownStream."""
    if name not in STREAMS:
        raise UnknownStream
    return STREAMS[name]


def spell(position: Position) -> str:
    """A place as text; only places of one stream are compared, so the source is left out."""
    return f"{position.xid}-{position.seq}"


def read(session: Session, stream: Stream, *, after: Position, limit: int) -> Page:
    """What follows a place, oldest first, READ_MAX rows at most."""
    wanted = min(limit, READ_MAX)
    events = event_log.read(session, after=after, sources=(stream.source,), limit=wanted + 1)
    shown = events[:wanted]
    return Page(shown, shown[-1].position if shown else after, at_end=len(events) <= wanted)


def end(session: Session, stream: Stream) -> Position:
    """The place after all that is written."""
    return before_newest(session, stream, 0)


def before_newest(session: Session, stream: Stream, count: int) -> Position:
    """The place before the newest rows of this number."""
    settled = stream.table.xid < event_log.present(session).xid
    row = session.execute(_backwards(stream).where(settled).offset(count).limit(1)).one_or_none()
    return stream.beginning if row is None else stream.at(row.xid, row.seq)


def has(session: Session, stream: Stream, position: Position) -> bool:
    """Whether there is a row at exactly this place."""
    table = stream.table
    query = select(table.seq).where(table.xid == position.xid, table.seq == position.seq)
    return session.execute(query).first() is not None


def newest(session: Session, stream: Stream) -> Newest | None:
    """The last row that was written; None while there is none."""
    row = session.execute(_backwards(stream).add_columns(stream.table.recorded_at).limit(1)).one_or_none()
    return None if row is None else Newest(stream.at(row.xid, row.seq), row.seq, row.recorded_at)


def count_after(session: Session, stream: Stream, position: Position, *, limit: int) -> int:
    """How many rows follow a place; `limit` when it is that many or more."""
    return session.scalar(select(func.count()).select_from(_after(stream, position, limit))) or 0


def first_after(session: Session, stream: Stream, position: Position) -> datetime | None:
    """When the row after a place was written; None when nothing follows."""
    found: datetime | None = session.scalar(select(_after(stream, position, 1).c.recorded_at))
    return found


def _after(stream: Stream, position: Position, limit: int) -> Subquery:
    table = stream.table
    return (
        select(table.recorded_at)
        .where(tuple_(table.xid, table.seq) > tuple_(position.xid, position.seq))
        .order_by(table.xid, table.seq)
        .limit(limit)
        .subquery()
    )


def _backwards(stream: Stream) -> Select[int, int]:
    table = stream.table
    return select(table.xid, table.seq).order_by(table.xid.desc(), table.seq.desc())

"""Where reading Circle's transfers was left: a moment, and the transfers before it that are not final yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from adapters.circle.words import moment

# What was made shortly before the newest that was listed may be listed late.
OVERLAP: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Place:
    """`since` is None at the very beginning. `waiting` are ids of transfers to be asked about again."""

    since: datetime | None = None
    waiting: tuple[str, ...] = ()

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """The place that this cursor, one of ours, spells."""
        since, *waiting = cursor.split(" ") if cursor else [""]
        return cls(moment(since) if since else None, tuple(waiting))

    def spelled(self) -> str:
        """The place as a cursor."""
        return " ".join([self.since.isoformat() if self.since else "", *self.waiting])

    def after(self, newest: datetime | None, waiting: tuple[str, ...]) -> "Place":
        """Where to read on once everything up to the newest transfer was listed."""
        if newest is None:
            return Place(self.since, waiting)
        since = newest - OVERLAP
        return Place(max(since, self.since) if self.since else since, waiting)

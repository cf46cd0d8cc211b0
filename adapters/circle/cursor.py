"""The cursor for reading Circle's transfers: a time, and the earlier transfers that are not final yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from adapters.circle.parsing import moment

# A transfer made shortly before the newest one listed may be listed late.
OVERLAP: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Cursor:
    """`since` is None at the very beginning. `waiting` are ids of transfers to ask about again."""

    since: datetime | None = None
    waiting: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The cursor that `text` returned as this text."""
        since, *waiting = text.split(" ") if text else [""]
        return cls(moment(since) if since else None, tuple(waiting))

    def text(self) -> str:
        """The cursor as it is stored."""
        return " ".join([self.since.isoformat() if self.since else "", *self.waiting])

    def after(self, newest: datetime | None, waiting: tuple[str, ...]) -> "Cursor":
        """The cursor once everything up to the newest transfer was listed."""
        if newest is None:
            return Cursor(self.since, waiting)
        since = newest - OVERLAP
        return Cursor(max(since, self.since) if self.since else since, waiting)

"""The last hour by minute, as a table that a script draws as a chart."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.flows import FLOW_KINDS
from services.rollups import Hour, Minute

DIRECTIONS: Final = ("in", "out", "within")
"""The columns of the table (`FlowKind.direction`)."""


@dataclass(frozen=True, slots=True)
class MinuteLine:
    """One minute: the flows in each direction, and the duration of the step; the last two are None if no flow took it.

    `half` and `most` are also None if they are beyond the measured range.
    """

    at: datetime
    moves: tuple[int, ...]
    step_count: int
    half: timedelta | None
    most: timedelta | None


@dataclass(frozen=True, slots=True)
class LastHour:
    """The minutes with any flow, newest first, and the step that is measured."""

    since: datetime
    lines: tuple[MinuteLine, ...]
    step: str
    steps: tuple[tuple[str, str, str], ...]

    @property
    def measured(self) -> tuple[str, str]:
        """The kind and state of the step that is measured."""
        return read_step(self.step) or ("", "")


def shape(hour: Hour) -> LastHour:
    """The hour as its template wants it."""
    return LastHour(
        since=hour.since,
        lines=tuple(_line(minute) for minute in reversed(hour.minutes)),
        step="" if hour.step is None else _spell(hour.step),
        steps=tuple((_spell(step), *step) for step in hour.steps),
    )


def read_step(text: str) -> tuple[str, str] | None:
    """A step from a URL, "withdrawal:signed"; None for an unknown one."""
    kind, colon, state = text.partition(":")
    return (kind, state) if colon else None


def _spell(step: tuple[str, str]) -> str:
    return ":".join(step)


def _line(minute: Minute) -> MinuteLine:
    moves = dict.fromkeys(DIRECTIONS, 0)
    for kind, count in minute.moves.items():
        moves[FLOW_KINDS[kind].direction] += count
    return MinuteLine(minute.at, tuple(moves.values()), minute.step_count, minute.half, minute.most)

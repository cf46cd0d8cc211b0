"""Draw movements of value as bands of proportional width: sources, kinds of flow, states."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from api.pages.sentences import kind_word
from api.pages.wording import spoken
from domain.flows import FLOW_KINDS
from services.rollups import Movement, Side

WIDTH: Final = 420
BAR: Final = 10
VALUE_HEIGHT: Final = 150
"""The height of the whole value, in pixels."""
LABEL_HEIGHT: Final = 20
"""The least height of a bar, for its label."""
MIDDLE: Final = 140
_COLUMNS: Final = (0, MIDDLE, WIDTH - BAR)


@dataclass(frozen=True, slots=True)
class Bar:
    """One node: its label, its meaning, and the positions of bar and label."""

    label: str
    meaning: str
    x: int
    y: float
    height: float
    label_x: int
    anchor: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Band:
    """A band from one bar to another, as the path of its middle line and its width."""

    path: str
    width: float
    meaning: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Sankey:
    """The movements of one asset. What enters a bar leaves it or, in the last column, stays there."""

    height: int
    bars: tuple[Bar, ...]
    bands: tuple[Band, ...]


def draw(movements: Sequence[Movement]) -> Sankey:
    """Lay out the movements of one asset in three columns."""
    total = max(1, sum(_sum(movement.sources) for movement in movements))
    scale = VALUE_HEIGHT / total
    names = list(dict.fromkeys(side.name for movement in movements for side in movement.sources))
    by_source = {
        name: sum(_sum(side for side in movement.sources if side.name == name) for movement in movements)
        for name in names
    }
    sources = _column(0, [(name, "", amount) for name, amount in by_source.items()], scale)
    kinds = _column(1, [(kind_word(movement.kind), "", _sum(movement.sources)) for movement in movements], scale)
    ends = [
        (side.name, FLOW_KINDS[movement.kind].states[side.name].meaning, side.amount_minor)
        for movement in movements
        for side in movement.states
    ]
    states = _column(2, ends, scale)
    bars = (*sources, *kinds, *states)
    return Sankey(
        height=round(max((bar.y + max(bar.height, LABEL_HEIGHT) for bar in bars), default=0)),
        bars=bars,
        bands=tuple(_bands(movements, dict(zip(names, sources, strict=True)), kinds, states, scale)),
    )


def _sum(sides: Iterable[Side]) -> int:
    return sum(side.amount_minor for side in sides)


def _column(number: int, nodes: Sequence[tuple[str, str, int]], scale: float) -> list[Bar]:
    """Bars below one another, each with room for its label, which is on the left in the last column."""
    bars, y, is_last = [], 0.0, number + 1 == len(_COLUMNS)
    for name, meaning, amount in nodes:
        x, height = _COLUMNS[number], amount * scale
        label_x, anchor = (x - 4, "end") if is_last else (x + BAR + 4, "start")
        bars.append(Bar(spoken(name), meaning, x, y, max(height, 1), label_x, anchor, amount))
        y += max(height, LABEL_HEIGHT) + 4
    return bars


def _bands(
    movements: Sequence[Movement], sources: dict[str, Bar], kinds: Sequence[Bar], states: Sequence[Bar], scale: float
) -> Iterable[Band]:
    given: dict[str, float] = dict.fromkeys(sources, 0.0)
    ends = iter(states)
    for movement, kind in zip(movements, kinds, strict=True):
        entered = left = 0.0
        for side in movement.sources:
            width = side.amount_minor * scale
            yield _band((sources[side.name], given[side.name]), (kind, entered), width, "", side.amount_minor)
            given[side.name] += width
            entered += width
        for side in movement.states:
            end, width = next(ends), side.amount_minor * scale
            yield _band((kind, left), (end, 0.0), width, end.meaning, side.amount_minor)
            left += width


def _band(start: tuple[Bar, float], end: tuple[Bar, float], width: float, meaning: str, amount_minor: int) -> Band:
    """A band between two bars, with the offsets of its ends from their tops."""
    x1, x2 = start[0].x + BAR, end[0].x
    y1, y2, half = start[0].y + start[1] + width / 2, end[0].y + end[1] + width / 2, (x1 + x2) / 2
    path = f"M{x1} {y1:.1f}C{half:.1f} {y1:.1f} {half:.1f} {y2:.1f} {x2} {y2:.1f}"
    return Band(path, round(max(width, 1), 1), meaning, amount_minor)

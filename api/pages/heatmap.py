"""Draw errors by hour and kind of flow: the more there are, the larger the square, so that no colour is needed."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.flows import FLOW_KINDS
from services.rollups import Error

CELL: Final = 15
LABEL_HEIGHT: Final = 20
ROW_HEIGHT: Final = LABEL_HEIGHT + CELL + 8
HOURS: Final = 24
WIDTH: Final = HOURS * CELL
_SMALLEST: Final = 5
_LARGEST: Final = CELL - 1


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of one kind: its square, or a dot for no errors."""

    x: float
    y: float
    size: float
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of flow: its label and its hours, the present one last."""

    kind: str
    y: int
    count: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """All kinds with errors, and the hours of the day (UTC) below them with their positions."""

    height: int
    rows: tuple[Row, ...]
    hours: tuple[tuple[int, int], ...]


def draw(errors: Sequence[Error], *, hour_now: int) -> HeatMap:
    """Lay out the errors; the hours of the day end with the present one."""
    counts: Counter[tuple[str, int]] = Counter()
    for error in errors:
        counts[error.kind, error.hour] += error.move_count
    most = max(counts.values(), default=1)
    hours = [(hour_now + 1 + place) % HOURS for place in range(HOURS)]
    kinds = [kind for kind in FLOW_KINDS if any(of == kind for of, _ in counts)]
    rows = tuple(
        Row(
            kind,
            index * ROW_HEIGHT + LABEL_HEIGHT - 6,
            sum(count for (of, _), count in counts.items() if of == kind),
            tuple(_cell(index, place, counts[kind, hour], most) for place, hour in enumerate(hours)),
        )
        for index, kind in enumerate(kinds)
    )
    labels = tuple((place * CELL, hour) for place, hour in enumerate(hours) if hour % 6 == 0)
    return HeatMap(len(rows) * ROW_HEIGHT + LABEL_HEIGHT, rows, labels)


def _cell(row: int, place: int, count: int, most: int) -> Cell:
    size = _SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(count / most) if count else 1
    off = (CELL - size) / 2
    return Cell(round(place * CELL + off, 1), round(row * ROW_HEIGHT + LABEL_HEIGHT + off, 1), round(size, 1), count)

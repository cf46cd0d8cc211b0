"""Lay out a state table as a drawing, with the transitions taken."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.flows import FlowKind

BOX_WIDTH: Final = 136
BOX_HEIGHT: Final = 32
ROW_HEIGHT: Final = 56
MARGIN: Final = 20
COLUMN_GAP: Final = 40


@dataclass(frozen=True, slots=True)
class Box:
    """A state and its position; `visited` if the flow was in it, `current` if it is."""

    state: str
    meaning: str
    x: int
    y: int
    visited: bool
    current: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """A transition as an SVG path; `taken` if the flow made it."""

    from_state: str
    to_state: str
    path: str
    taken: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """A state table ready to draw."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def draw(kind: FlowKind, path: Sequence[str]) -> Graph:
    """Lay out a state table in two columns: the usual path on the left, other states beside it.

    `path` is the states in the order they were entered; a state may repeat.
    """
    spine = _spine(kind)
    places = {state: (0, row) for row, state in enumerate(spine)}
    for state, row in _side_rows(kind, spine).items():
        places[state] = (1, row)
    taken = set(itertools.pairwise(path))
    boxes = tuple(
        Box(
            state=state,
            meaning=kind.states[state].meaning,
            x=MARGIN + column * (BOX_WIDTH + COLUMN_GAP),
            y=4 + row * ROW_HEIGHT,
            visited=state in path,
            current=bool(path) and path[-1] == state,
        )
        for state, (column, row) in places.items()
    )
    by_state = {box.state: box for box in boxes}
    arrows = [
        Arrow(start, end, _arrow(by_state[start], by_state[end]), (start, end) in taken)
        for start, state in kind.states.items()
        for end in state.moves
    ]
    return Graph(
        width=MARGIN + max(box.x for box in boxes) + BOX_WIDTH - (0 if len(spine) < len(places) else MARGIN) + 4,
        height=max(box.y for box in boxes) + BOX_HEIGHT + 4,
        boxes=boxes,
        arrows=tuple(sorted(arrows, key=lambda arrow: arrow.taken)),
    )


def _spine(kind: FlowKind) -> list[str]:
    """The usual path: from the first initial state, always the first transition, until the money has arrived."""
    spine = [kind.initial[0]]
    while kind.states[spine[-1]].meaning != "yours":
        onward = [state for state in kind.states[spine[-1]].moves if state not in spine]
        if not onward:
            break
        spine.append(onward[0])
    return spine


def _side_rows(kind: FlowKind, spine: Sequence[str]) -> dict[str, int]:
    """A free row for each other state, near the middle of its neighbours."""
    taken: set[int] = set()
    rows: dict[str, int] = {}
    for state in (state for state in kind.states if state not in spine):
        near = [row for row, other in enumerate(spine) if _linked(kind, state, other)]
        wanted = round(sum(near) / len(near)) if near else 0
        row = next(
            place
            for distance in range(len(kind.states))
            for place in (wanted + distance, wanted - distance)
            if place >= 0 and place not in taken
        )
        taken.add(row)
        rows[state] = row
    return rows


def _linked(kind: FlowKind, one: str, other: str) -> bool:
    return other in kind.states[one].moves or one in kind.states[other].moves


def _arrow(start: Box, end: Box) -> str:
    """A straight line to the next state, an outside bow past others, or a curve across to the other column."""
    middle_start, middle_end = start.y + BOX_HEIGHT // 2, end.y + BOX_HEIGHT // 2
    if start.x == end.x:
        if end.y - start.y == ROW_HEIGHT:
            centre = start.x + BOX_WIDTH // 2
            return f"M{centre} {start.y + BOX_HEIGHT}L{centre} {end.y - 2}"
        outside = start.x == MARGIN
        edge = start.x if outside else start.x + BOX_WIDTH
        bow = edge + (-MARGIN + 6 if outside else MARGIN - 6)
        tip = edge - 2 if outside else edge + 2
        return f"M{edge} {middle_start}C{bow} {middle_start} {bow} {middle_end} {tip} {middle_end}"
    forward = start.x < end.x
    # The two directions between two states are drawn a little apart, so that both are visible.
    shift = -5 if forward else 5
    from_x = start.x + (BOX_WIDTH if forward else 0)
    to_x = end.x + (-2 if forward else BOX_WIDTH + 2)
    half = (from_x + to_x) // 2
    from_y, to_y = middle_start + shift, middle_end + shift
    return f"M{from_x} {from_y}C{half} {from_y} {half} {to_y} {to_x} {to_y}"

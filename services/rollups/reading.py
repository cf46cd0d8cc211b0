"""Read the dashboard's sums: where value came from and went, what went wrong when, how long each step took."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.flows import FLOW_KINDS, FlowKind
from services.rollups.buckets import percentile

_MOVES: Final = text(
    """
    SELECT asset_id, kind, from_state, to_state, sum(move_count), sum(amount_minor) FROM flow_rollups
    WHERE hour >= :since GROUP BY asset_id, kind, from_state, to_state
    """
)
_STOCKS: Final = text("SELECT asset_id, kind, state, flow_count, amount_minor FROM flow_stocks")
_ERRORS: Final = text(
    """
    SELECT kind, extract(hour FROM hour AT TIME ZONE 'UTC')::int, to_state, sum(move_count) FROM flow_rollups
    WHERE hour >= :since
        AND (kind, to_state) IN (SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:states AS text[])))
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    """
)
_WAITS: Final = text(
    """
    SELECT kind, from_state, waited, sum(move_count) FROM flow_rollups
    WHERE hour >= :since AND waited >= 0 GROUP BY kind, from_state, waited
    """
)
OPENED: Final = "opened"
HELD: Final = "under way before"
UNDONE: Final = "taken back"


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a movement: where value came from, or the state that it is in now. Amounts are minor units."""

    name: str
    flow_count: int
    amount_minor: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Movement:
    """The value that a kind of flow moved of one asset. The sum of the sources equals the sum of the states."""

    asset_id: str
    kind: str
    sources: tuple[Side, ...]
    states: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class Error:
    """How often flows of a kind entered a state that is wrong, in one hour (UTC)."""

    kind: str
    hour: int
    state: str
    move_count: int


@dataclass(frozen=True, slots=True)
class StepTimes:
    """How long flows stayed in a state, as percentiles; None is beyond the last bound."""

    kind: str
    state: str
    move_count: int
    p50: timedelta | None
    p90: timedelta | None
    p99: timedelta | None


def since(now: datetime, hours: int) -> datetime:
    """The start of the first of this many hours, of which the present one is the last."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)


def movements(session: Session, *, since: datetime) -> list[Movement]:
    """Where value came from and went since, by asset and kind; kinds without value or moves are left out."""
    moves: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for asset_id, kind, before, after, count, amount in session.execute(_MOVES, {"since": since}):
        states = moves[asset_id, kind]
        for state, sign in ((before, -1), (after, 1)):
            states[state][0] += sign * int(count)
            states[state][1] += sign * int(amount)
    stocks: dict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
    for asset_id, kind, state, count, amount in session.execute(_STOCKS):
        stocks[asset_id, kind][state] = (int(count), int(amount))
    places = sorted(
        {*moves, *stocks}, key=lambda place: (place[0], [*FLOW_KINDS].index(place[1]) if place[1] in FLOW_KINDS else 99)
    )
    found = [
        _movement(asset_id, FLOW_KINDS[kind], moves[asset_id, kind], stocks[asset_id, kind])
        for asset_id, kind in places
    ]
    return [movement for movement in found if movement.states]


def errors(session: Session, *, since: datetime) -> list[Error]:
    """What went wrong since, by kind and hour of the day."""
    wrong = [(kind.name, name) for kind in FLOW_KINDS.values() for name in kind.states if _is_wrong(kind, name)]
    kinds, states = (list(column) for column in zip(*wrong, strict=True))
    rows = session.execute(_ERRORS, {"since": since, "kinds": kinds, "states": states})
    return [Error(kind, hour, state, int(count)) for kind, hour, state, count in rows]


def steps(session: Session, *, since: datetime) -> list[StepTimes]:
    """How long each step took since, in the order of the state tables."""
    counts: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for kind, state, bucket, count in session.execute(_WAITS, {"since": since}):
        counts[kind, state][bucket] = int(count)
    return [
        StepTimes(kind.name, state, sum(found.values()), *(percentile(found, share) for share in (0.5, 0.9, 0.99)))
        for kind in FLOW_KINDS.values()
        for state in kind.states
        if (found := counts.get((kind.name, state)))
    ]


def _is_wrong(kind: FlowKind, state: str) -> bool:
    return kind.states[state].meaning == "wrong"


def _movement(
    asset_id: str, kind: FlowKind, moves: dict[str, list[int]], stocks: dict[str, tuple[int, int]]
) -> Movement:
    """What came in, beside where it is now. What was held before is what is held now less what came in since."""
    sources: dict[str, list[int]] = {OPENED: [0, 0], HELD: [0, 0], UNDONE: [0, 0]}
    states = []
    for state in kind.states:
        count, amount = moves.get(state, (0, 0))
        if kind.closed(state):
            if amount < 0 or count < 0:
                _add(sources[UNDONE], -count, -amount)
            elif amount or count:
                states.append(Side(state, count, amount, is_open=False))
            continue
        held_count, held = stocks.get(state, (0, 0))
        _add(sources[HELD], held_count - count, held - amount)
        if held_count:
            states.append(Side(state, held_count, held, is_open=True))
    opened = moves.get("", (0, 0))
    _add(sources[OPENED], -opened[0], -opened[1])
    return Movement(
        asset_id,
        kind.name,
        tuple(Side(name, count, amount, is_open=name == HELD) for name, (count, amount) in sources.items() if count),
        tuple(states),
    )


def _add(side: list[int], count: int, amount: int) -> None:
    side[0] += count
    side[1] += amount

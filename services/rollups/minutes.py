"""Read the last hour by the minute: how often flows of each kind moved, and how long one step took."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.flows import FLOW_KINDS
from services.rollups.buckets import percentile

MINUTES: Final = 60
_COUNTS: Final = text("SELECT minute, kind, sum(move_count) FROM flow_minutes WHERE minute >= :since GROUP BY 1, 2")
_STEPS: Final = text(
    """
    SELECT kind, from_state, sum(move_count) FROM flow_minutes
    WHERE minute >= :since AND waited >= 0 GROUP BY kind, from_state
    """
)
_WAITS: Final = text(
    """
    SELECT minute, waited, sum(move_count) FROM flow_minutes
    WHERE minute >= :since AND waited >= 0 AND kind = :kind AND from_state = :state GROUP BY minute, waited
    """
)


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute in which something moved: moves by kind, and how long half and nine in ten flows took for one step.

    `step_count` is 0 where no flow took that step; `half` and `most` are None then, and beyond the last bound.
    """

    at: datetime
    moves: Mapping[str, int]
    step_count: int
    half: timedelta | None
    most: timedelta | None


@dataclass(frozen=True, slots=True)
class Hour:
    """The minutes in which something moved, oldest first, and the step that was measured, as (kind, state).

    `since` is the first minute that was looked at. `steps` are all that were taken, in the order of the state tables.
    """

    since: datetime
    minutes: tuple[Minute, ...]
    step: tuple[str, str] | None
    steps: tuple[tuple[str, str], ...]


def last_hour(session: Session, *, now: datetime, step: tuple[str, str] | None = None) -> Hour:
    """The last sixty minutes. If no `step` is named that was taken, the one taken most often is measured."""
    since = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    moves: dict[datetime, Counter[str]] = defaultdict(Counter)
    for minute, kind, count in session.execute(_COUNTS, {"since": since}):
        moves[minute][kind] += int(count)
    taken = {(kind, state): int(count) for kind, state, count in session.execute(_STEPS, {"since": since})}
    steps = tuple(
        (kind.name, state) for kind in FLOW_KINDS.values() for state in kind.states if (kind.name, state) in taken
    )
    measured = step if step in taken else max(steps, key=lambda one: taken[one], default=None)
    waits = _waits(session, measured, since)
    return Hour(
        since=since,
        minutes=tuple(
            Minute(
                at=minute,
                moves=dict(moves[minute]),
                step_count=sum(waits[minute].values()),
                half=percentile(waits[minute], 0.5) if waits[minute] else None,
                most=percentile(waits[minute], 0.9) if waits[minute] else None,
            )
            for minute in sorted(moves)
        ),
        step=measured,
        steps=steps,
    )


def _waits(session: Session, step: tuple[str, str] | None, since: datetime) -> dict[datetime, dict[int, int]]:
    waits: dict[datetime, dict[int, int]] = defaultdict(dict)
    if step is not None:
        for minute, bucket, count in session.execute(_WAITS, {"since": since, "kind": step[0], "state": step[1]}):
            waits[minute][bucket] = int(count)
    return waits

"""Measure how long each step of each kind of flow usually takes, so that pages can say what is unusual."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.flow_stats import FlowStepStats

SAMPLE: Final = 50_000
"""How many of the newest moves are measured: usual is what has been lately."""
STEPS_MIN: Final = 5
"""Fewer moves than this say nothing about what is usual."""
EVERY: Final = timedelta(minutes=5)

_MEASURE: Final = text(
    """
    WITH moves AS (
        SELECT id, group_id, state, at FROM flow_events WHERE from_state IS DISTINCT FROM state
        ORDER BY id DESC LIMIT :sample
    ), steps AS (
        SELECT group_id, state,
            extract(epoch FROM lead(at) OVER (PARTITION BY group_id ORDER BY id) - at)::float8 AS lasted_s
        FROM moves
    ), measured AS (
        SELECT flows.kind, steps.state, count(*) AS step_count,
            percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY lasted_s) AS percentiles
        FROM steps JOIN flows ON flows.group_id = steps.group_id
        WHERE lasted_s IS NOT NULL GROUP BY flows.kind, steps.state
    )
    INSERT INTO flow_step_stats (kind, state, step_count, p50_s, p90_s, p99_s, measured_at)
    SELECT kind, state, step_count, percentiles[1], percentiles[2], percentiles[3], :now FROM measured
    ORDER BY kind, state
    ON CONFLICT (kind, state) DO UPDATE SET step_count = EXCLUDED.step_count, p50_s = EXCLUDED.p50_s,
        p90_s = EXCLUDED.p90_s, p99_s = EXCLUDED.p99_s, measured_at = EXCLUDED.measured_at
    """
)


@dataclass(frozen=True, slots=True)
class Usual:
    """How long a step usually takes: half of the flows at most `half`, nine in ten at most `most`."""

    half: timedelta
    most: timedelta


def measure(session: Session, *, now: datetime) -> bool:
    """Measure anew, unless that was done within the last minutes; returns whether it was."""
    newest = session.scalar(select(func.max(FlowStepStats.measured_at)))
    if newest is not None and now - newest < EVERY:
        return False
    session.execute(_MEASURE, {"sample": SAMPLE, "now": now})
    return True


def usual(session: Session, kind: str) -> dict[str, Usual]:
    """How long each state of a kind of flow usually lasts; states that too few flows have passed are left out."""
    rows = session.scalars(
        select(FlowStepStats).where(FlowStepStats.kind == kind, FlowStepStats.step_count >= STEPS_MIN)
    )
    return {row.state: Usual(timedelta(seconds=row.p50_s), timedelta(seconds=row.p90_s)) for row in rows}

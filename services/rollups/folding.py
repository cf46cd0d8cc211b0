"""Add events to the dashboard's sums, each once: the sums and the place in the log move in one transaction."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services import event_log
from services.events import FLOW
from services.rollups.buckets import BOUNDS_S

CONSUMER: Final = "rollups"
BATCH_MAX: Final = 10_000
"""In one transaction, which takes about a tenth of a second."""
MINUTES_KEPT: Final = timedelta(hours=2)
"""Sums by the minute are for the present; the hours have what is older."""

# Notes are no moves. The wait is the time since the state was entered.
_FOLD: Final = text(
    """
    WITH moves AS MATERIALIZED (
        SELECT event.at, date_trunc('hour', event.at, 'UTC') AS hour, flow.kind, flow.asset_id,
            coalesce(event.from_state, '') AS from_state, event.state AS to_state, flow.amount_minor,
            coalesce(width_bucket(extract(epoch FROM event.at - entered.at)::float8, CAST(:bounds AS float8[])), -1)
                AS waited
        FROM flow_events AS event JOIN flows AS flow ON flow.group_id = event.group_id
        LEFT JOIN LATERAL (
            SELECT at FROM flow_events AS earlier
            WHERE earlier.group_id = event.group_id AND earlier.id < event.id
                AND earlier.from_state IS DISTINCT FROM earlier.state
            ORDER BY earlier.id DESC LIMIT 1
        ) AS entered ON true
        WHERE event.id = ANY(CAST(:ids AS bigint[])) AND event.from_state IS DISTINCT FROM event.state
    ), rolled AS (
        INSERT INTO flow_rollups (hour, kind, asset_id, from_state, to_state, waited, move_count, amount_minor)
        SELECT hour, kind, asset_id, from_state, to_state, waited, count(*), sum(amount_minor)
        FROM moves GROUP BY hour, kind, asset_id, from_state, to_state, waited
        ON CONFLICT (hour, kind, asset_id, from_state, to_state, waited) DO UPDATE
            SET move_count = flow_rollups.move_count + EXCLUDED.move_count,
                amount_minor = flow_rollups.amount_minor + EXCLUDED.amount_minor
    ), minuted AS (
        INSERT INTO flow_minutes (minute, kind, from_state, to_state, waited, move_count)
        SELECT date_trunc('minute', at, 'UTC') AS minute, kind, from_state, to_state, waited, count(*)
        FROM moves WHERE at >= :kept_since GROUP BY minute, kind, from_state, to_state, waited
        ON CONFLICT (minute, kind, from_state, to_state, waited) DO UPDATE
            SET move_count = flow_minutes.move_count + EXCLUDED.move_count
    )
    INSERT INTO flow_stocks (kind, asset_id, state, flow_count, amount_minor)
    SELECT kind, asset_id, state, sum(one), sum(amount_minor) FROM (
        SELECT kind, asset_id, to_state AS state, 1 AS one, amount_minor FROM moves
        UNION ALL
        SELECT kind, asset_id, from_state, -1, -amount_minor FROM moves WHERE from_state <> ''
    ) AS changes GROUP BY kind, asset_id, state
    ON CONFLICT (kind, asset_id, state) DO UPDATE
        SET flow_count = flow_stocks.flow_count + EXCLUDED.flow_count,
            amount_minor = flow_stocks.amount_minor + EXCLUDED.amount_minor
    """
)
_FORGET: Final = text("DELETE FROM flow_minutes WHERE minute < :kept_since")


def fold(session: Session, *, owner: str, now: datetime, limit: int = BATCH_MAX) -> int:
    """Count the next events; returns how many there were.

    Each is counted exactly once, whenever this is interrupted.
    """
    batch = event_log.claim(
        session, CONSUMER, owner=owner, now=now, sources=(FLOW,), start="beginning", limit=limit, shaped=False
    )
    if batch is None:
        return 0
    # One string is parsed far faster by the server than an ARRAY[…] of parameters.
    ids = "{" + ",".join([key for _, key in batch.keys]) + "}"
    kept_since = now - MINUTES_KEPT
    session.execute(_FOLD, {"ids": ids, "bounds": list(BOUNDS_S), "kept_since": kept_since})
    session.execute(_FORGET, {"kept_since": kept_since})
    event_log.advance(session, batch, now=now)
    return len(batch.keys)

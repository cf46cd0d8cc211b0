"""Flows that have stayed in a state for longer than its table allows, those with most at stake first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from domain.flows import FLOW_KINDS
from domain.prices import Price, worth_minor
from models.flow import Flow

CENTS: Final = 2
_LATE: Final = text(
    """
    WITH late AS (
        SELECT group_id, count(*) OVER () AS late_count, row_number() OVER (
            PARTITION BY asset_id
            ORDER BY amount_minor * extract(epoch FROM CAST(:now AS timestamptz) - state_since) DESC
        ) AS place
        FROM unnest(CAST(:kinds AS text[]), CAST(:states AS text[]), CAST(:since AS timestamptz[]))
            AS timed (kind, state, since)
        JOIN flows USING (kind, state) WHERE closed_at IS NULL AND state_since < timed.since
    )
    SELECT group_id, late_count FROM late WHERE place <= :limit
    """
)


@dataclass(frozen=True, slots=True)
class Late:
    """A flow that is late, and what it is worth in cents where its asset has a price."""

    flow: Flow
    worth_cents: int | None


def stuck(
    session: Session, *, decimals: Mapping[str, int], prices: Mapping[str, Price], now: datetime, limit: int
) -> tuple[Sequence[Late], int]:
    """The flows with the largest value × age, and how many are late in all; those without a price follow, by age."""
    timed = [
        (kind.name, name, now - state.time_limit)
        for kind in FLOW_KINDS.values()
        for name, state in kind.states.items()
        if state.time_limit is not None
    ]
    kinds, states, since = (list(column) for column in zip(*timed, strict=True))
    rows = session.execute(_LATE, {"kinds": kinds, "states": states, "since": since, "now": now, "limit": limit}).all()
    flows = session.scalars(select(Flow).where(Flow.group_id.in_([row[0] for row in rows])))

    def stake(late: Late) -> tuple[float, float]:
        age_s = (now - late.flow.state_since).total_seconds()
        return (late.worth_cents or 0) * age_s, age_s

    found = [Late(flow, _worth(flow, decimals[flow.asset_id], prices.get(flow.asset_id))) for flow in flows]
    return sorted(found, key=stake, reverse=True)[:limit], rows[0][1] if rows else 0


def _worth(flow: Flow, decimals: int, price: Price | None) -> int | None:
    return None if price is None else worth_minor(flow.amount_minor, decimals, price.price, CENTS)

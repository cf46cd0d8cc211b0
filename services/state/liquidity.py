"""Which addresses are watched, what was seen there lately, and how that relates to what was credited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.asset import Asset
from models.chain import ChainCursor, DepositAddress
from models.deposit import Deposit, FundingObservation
from services import assets, chains, deposits

Health = Literal["healthy", "paused", "stale", "failing", "unknown"]

HANDLES_MAX: Final = 50
"""How many of the last issued addresses are named for each chain; all that were ever issued are watched."""
COUNTED_MAX: Final = 10_000
"""Up to this many addresses of a chain are counted; beyond that the planner's estimate is used."""
OBSERVATIONS_MAX: Final = 500
CORRELATED_MAX: Final = 100

_COUNT: Final = text(
    "SELECT count(*) FROM (SELECT FROM deposit_addresses WHERE chain = :chain AND user_id IS NOT NULL LIMIT :most) AS t"
)
_ESTIMATE: Final = text(
    "EXPLAIN (FORMAT JSON) SELECT FROM deposit_addresses WHERE chain = :chain AND user_id IS NOT NULL"
)
# The index has what is open and nothing else; without MATERIALIZED, all that was ever credited might be looked through.
_OPEN: Final = text(
    """
    WITH open AS MATERIALIZED (SELECT id FROM deposits WHERE state IN ('seen', 'confirming'))
    SELECT id FROM open ORDER BY id LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Handles:
    """The addresses that are watched on one chain, for all its assets: how many, and the newest."""

    chain: str
    asset_ids: Sequence[str]
    count: int
    count_is_estimate: bool
    newest: Sequence[DepositAddress]


@dataclass(frozen=True, slots=True)
class Liquidity:
    """All of it. Observations by address: of each output the latest, the newest address first."""

    observers: Sequence[ChainCursor]
    handles: Sequence[Handles]
    observations: Mapping[str, Sequence[FundingObservation]]
    latest_at: datetime | None
    uncredited_minor: Mapping[str, int]
    correlated: Sequence[Deposit]
    decimals: Mapping[str, int]


def liquidity(session: Session, *, counted: int = COUNTED_MAX) -> Liquidity:
    """Read it; no query grows with the number of users, addresses or credited deposits."""
    every = assets.every(session)
    newest = session.scalars(
        select(FundingObservation)
        .order_by(FundingObservation.xid.desc(), FundingObservation.seq.desc())
        .limit(OBSERVATIONS_MAX)
    ).all()
    latest: dict[UUID, FundingObservation] = {}
    by_handle: dict[str, list[FundingObservation]] = {}
    for row in newest:
        if latest.setdefault(row.deposit_id, row) is row:
            by_handle.setdefault(row.funding_handle, []).append(row)
    totals = deposits.uncredited(session)
    return Liquidity(
        observers=chains.every(session),
        handles=_handles(session, every, counted),
        observations=by_handle,
        latest_at=newest[0].recorded_at if newest else None,
        uncredited_minor={asset.asset_id: totals.get(asset.asset_id, 0) for asset in every},
        correlated=_correlated(session, list(latest)[:CORRELATED_MAX]),
        decimals={asset.asset_id: asset.decimals for asset in every},
    )


def health(cursor: ChainCursor, *, now: datetime) -> Health:
    """The health of one observer. A paused one is neither well nor ill: it does not read."""
    if cursor.paused_at is not None:
        return "paused"
    if cursor.failing_since is not None:
        return "failing"
    if cursor.polled_at is None:
        return "unknown"
    return "stale" if now - cursor.polled_at > chains.STALE_AFTER else "healthy"


def _handles(session: Session, every: Sequence[Asset], counted: int) -> list[Handles]:
    by_chain = groupby(sorted(every, key=lambda asset: asset.chain), key=lambda asset: asset.chain)
    return [_handles_of(session, chain, [asset.asset_id for asset in group], counted) for chain, group in by_chain]


def _handles_of(session: Session, chain: str, asset_ids: Sequence[str], counted: int) -> Handles:
    count = int(session.execute(_COUNT, {"chain": chain, "most": counted + 1}).scalar_one())
    is_estimate = count > counted
    if is_estimate:
        [plan] = session.execute(_ESTIMATE, {"chain": chain}).scalar_one()
        count = max(count, int(plan["Plan"]["Plan Rows"]))
    newest = session.scalars(
        select(DepositAddress)
        .where(DepositAddress.chain == chain, DepositAddress.user_id.is_not(None))
        .order_by(DepositAddress.issued_at.desc())
        .limit(HANDLES_MAX)
    ).all()
    return Handles(chain, asset_ids, count, is_estimate, newest)


def _correlated(session: Session, seen: Sequence[UUID]) -> Sequence[Deposit]:
    """The deposits that these observations are of, and those that have waited longest; the newest first."""
    waiting = session.scalars(_OPEN, {"limit": CORRELATED_MAX})
    wanted = {*seen, *waiting}
    return session.scalars(select(Deposit).where(Deposit.id.in_(wanted)).order_by(Deposit.id.desc())).all()

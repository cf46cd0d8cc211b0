"""Choose what is worth sweeping, by our records alone: final deposits that no sweep has gathered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.crash import crash_point
from domain.flows import SWEEP
from domain.ids import new_id
from models.asset import Asset
from models.chain import ChainCursor, DepositAddress
from models.deposit import Deposit
from models.sweep import Sweep
from services import assets, audit, flows
from services.finality import is_deep

PROPOSED_MAX: Final = 50
"""How many one pass proposes; the next pass finds the others."""
SMALLEST_DEPOSITS: Final = 5
"""How many times the smallest deposit is worth a sweep, unless an operator set an amount."""
# Deposits that are set aside stay where they are, and those that are not final may never have come.
MOVABLE: Final = ("credited", "below_minimum", "returned")


def threshold_minor(asset: Asset) -> int:
    """The least amount on one address that is swept."""
    if asset.sweep_min_minor is not None:
        return int(asset.sweep_min_minor)
    return max(1, SMALLEST_DEPOSITS * int(asset.minimum_deposit_minor))


def set_threshold(session: Session, asset_id: str, amount_minor: int, *, now: datetime, by: Actor) -> None:
    """Set the least amount on one address that is swept. Raises UnknownAsset."""
    assets.get(session, asset_id).sweep_min_minor = amount_minor
    detail = {"asset_id": asset_id, "sweep_min_minor": str(amount_minor)}
    audit.record(session, "asset.sweep_threshold_set", by=by, now=now, detail=detail)


def propose(session: Session, chain: str, *, now: datetime, by: Actor) -> int:
    """Open a sweep for each address and asset with enough on it. Returns how many.

    One at a time for each address, tokens before the coin, which pays for their gas.
    """
    cursor = session.get(ChainCursor, chain)
    if cursor is None:
        return 0
    kept = {asset.asset_id: asset for asset in assets.of_chain(session, chain)}
    opened = 0
    for asset in sorted(kept.values(), key=lambda asset: (asset.contract is None, asset.asset_id)):
        for found in _worth_it(session, asset, cursor, PROPOSED_MAX - opened):
            opened += _open(session, asset, cursor, found.address_id, found.address, now=now, by=by)
    crash_point("sweep.proposing")
    return opened


def _movable(asset: Asset, cursor: ChainCursor) -> list[ColumnElement[bool]]:
    return [
        Deposit.chain == asset.chain,
        Deposit.asset_id == asset.asset_id,
        Deposit.sweep_id.is_(None),
        Deposit.state.in_(MOVABLE),
        is_deep(Deposit.block_height, Deposit.confirmations_needed, cursor),
    ]


def _worth_it(session: Session, asset: Asset, cursor: ChainCursor, most: int) -> Sequence[Row[UUID, str]]:
    is_open = exists().where(Sweep.address_id == Deposit.address_id, Sweep.closed_at.is_(None))
    return session.execute(
        select(Deposit.address_id, Deposit.address)
        .join(DepositAddress, DepositAddress.id == Deposit.address_id)
        .where(*_movable(asset, cursor), DepositAddress.derivation_index.is_not(None), ~is_open)
        .group_by(Deposit.address_id, Deposit.address)
        .having(func.sum(Deposit.amount_minor) >= threshold_minor(asset))
        .order_by(func.min(Deposit.first_seen_at), Deposit.address_id)
        .limit(most)
    ).all()


def _open(
    session: Session, asset: Asset, cursor: ChainCursor, address_id: UUID, address: str, *, now: datetime, by: Actor
) -> int:
    """Gather the deposits of one address in a new sweep, unless another worker just did."""
    locked = session.execute(
        select(Deposit.id, Deposit.amount_minor)
        .where(*_movable(asset, cursor), Deposit.address_id == address_id)
        .order_by(Deposit.id)
        .with_for_update(skip_locked=True)
    ).all()
    amount_minor = sum(int(row.amount_minor) for row in locked)
    is_open = exists().where(Sweep.address_id == address_id, Sweep.closed_at.is_(None))
    if amount_minor < threshold_minor(asset) or session.scalar(select(is_open)):
        return 0
    opening = flows.Opening(
        SWEEP, "proposed", None, asset.asset_id, amount_minor, {"address": address, "deposits": len(locked)}
    )
    [flow_id] = flows.open_many(session, [opening], now=now, by=by)
    sweep_id = session.execute(
        insert(Sweep)
        .values(
            id=new_id(),
            chain=asset.chain,
            asset_id=asset.asset_id,
            address_id=address_id,
            amount_minor=amount_minor,
            state="proposed",
            created_at=now,
            state_changed_at=now,
            flow_id=flow_id,
        )
        .returning(Sweep.id)
    ).scalar_one()
    session.execute(update(Deposit).where(Deposit.id.in_([row.id for row in locked])).values(sweep_id=sweep_id))
    return 1

"""Where the house's money lies outside the hot wallet."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session

from models.asset import Asset
from models.chain import DepositAddress
from models.deposit import Deposit
from models.payout import Payout
from models.sweep import Sweep


def unswept_addresses(session: Session, chain: str) -> list[str]:
    """The deposit addresses of a chain of accounts on which something lies that no final sweep has moved."""
    return list(session.scalars(_unswept(chain).with_only_columns(Deposit.address).distinct()))


def unswept_minor(session: Session, chain: str, script: bytes, contract: str) -> int:
    """How much of one token is on record as lying on one deposit address."""
    of_it = (DepositAddress.script == script) & (Asset.contract == contract)
    lying = (
        _unswept(chain)
        .join(DepositAddress, DepositAddress.id == Deposit.address_id)
        .join(Asset, Asset.asset_id == Deposit.asset_id)
        .where(of_it)
        .with_only_columns(func.coalesce(func.sum(Deposit.amount_minor), 0))
    )
    return int(session.scalar(lying) or 0)


def unswept(session: Session) -> dict[str, int]:
    """How much of each asset is on record as lying on deposit addresses, of all chains of accounts together."""
    rows = session.execute(
        _everywhere()
        .join(DepositAddress, DepositAddress.id == Deposit.address_id)
        .where(DepositAddress.derivation_index.is_not(None))
        .with_only_columns(Deposit.asset_id, func.sum(Deposit.amount_minor))
        .group_by(Deposit.asset_id)
    )
    return {asset_id: int(minor) for asset_id, minor in rows}


def left_behind(session: Session, chain: str, *, besides: Collection[str] = ()) -> int:
    """The coin left on the addresses of a chain that were swept, as the books say, `besides` those named."""
    newest = (
        select(Sweep.left_minor, func.row_number().over(partition_by=Sweep.address_id, order_by=Sweep.closed_at.desc()))
        .join(DepositAddress, DepositAddress.id == Sweep.address_id)
        .where(Sweep.chain == chain, Sweep.left_minor.is_not(None), DepositAddress.address.not_in(besides))
        .subquery()
    )
    left_minor, place = newest.c
    return int(session.scalar(select(func.coalesce(func.sum(left_minor), 0)).where(place == 1)) or 0)


def _unswept(chain: str) -> Select[Deposit]:
    return _everywhere().where(Deposit.chain == chain)


def _everywhere() -> Select[Deposit]:
    return select(Deposit).where(Deposit.block_height.is_not(None), ~_has_been_moved())


def _has_been_moved() -> ColumnElement[bool]:
    """Whether a sweep of this deposit is final, and still in a block."""
    return exists().where(
        Payout.sweep_id == Deposit.sweep_id,
        Payout.purpose == "sweep",
        Payout.state == "completed",
        Payout.block_height.is_not(None),
    )

"""The house's money outside the hot wallet: on deposit addresses."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, exists, func, or_, select, union, union_all
from sqlalchemy.orm import Session

from domain.rails import RAILS
from models.asset import Asset
from models.chain import DepositAddress
from models.deposit import Deposit
from models.payout import Payout
from models.sweep import Sweep, SweptAddress, SweptChain

_OF_ACCOUNTS: Final = tuple(sorted(chain for chain, rail in RAILS.items() if rail.has_accounts))


def unswept_addresses(session: Session, chain: str) -> list[str]:
    """The deposit addresses of a chain of accounts that hold deposits which no final sweep has moved."""
    return list(session.scalars(select(Deposit.address).where(Deposit.id.in_(_lying([chain]))).distinct()))


def unswept_minor(session: Session, chain: str, script: bytes, contract: str) -> int:
    """How much of one token lies on one deposit address, by our records."""
    of_it = (DepositAddress.script == script) & (Asset.contract == contract)
    lying = (
        select(func.coalesce(func.sum(Deposit.amount_minor), 0))
        .join(DepositAddress, DepositAddress.id == Deposit.address_id)
        .join(Asset, Asset.asset_id == Deposit.asset_id)
        .where(of_it, Deposit.chain == chain, Deposit.block_height.is_not(None), ~_has_been_moved())
    )
    return int(session.scalar(lying) or 0)


def unswept(session: Session) -> dict[str, int]:
    """How much of each asset lies on deposit addresses by our records, all chains of accounts together."""
    # A subquery for each deposit: for a join, PostgreSQL would read every address.
    derived = select(DepositAddress.derivation_index).where(DepositAddress.id == Deposit.address_id).scalar_subquery()
    rows = session.execute(
        select(Deposit.asset_id, func.sum(Deposit.amount_minor))
        .where(Deposit.id.in_(_lying(_OF_ACCOUNTS)), derived.is_not(None))
        .group_by(Deposit.asset_id)
    )
    return {asset_id: int(minor) for asset_id, minor in rows}


def left_behind(session: Session, chain: str, *, besides: Collection[str] = ()) -> int:
    """The coin that sweeps left on the addresses of a chain, by our records, without the addresses in `besides`."""
    total = session.get(SweptChain, chain, populate_existing=True)
    of_those = (
        select(func.coalesce(func.sum(SweptAddress.left_minor), 0))
        .join(DepositAddress, DepositAddress.id == SweptAddress.address_id)
        .where(SweptAddress.chain == chain, DepositAddress.chain == chain, DepositAddress.address.in_(besides))
    )
    besides_minor = session.scalar(of_those) if besides else 0
    return int(0 if total is None else total.left_minor) - int(besides_minor or 0)


def _lying(chains: Collection[str]) -> CompoundSelect[UUID]:
    """The deposits of these chains that no final sweep has moved: those that no sweep gathered, and of the few others
    those whose sweep is not final. Two indexes find them, however many were moved.
    """
    is_there = (Deposit.chain.in_(chains), Deposit.block_height.is_not(None))
    of_open = select(Sweep.id).where(Sweep.closed_at.is_(None))
    of_unsettled = select(Payout.sweep_id).where(
        Payout.purpose == "sweep", or_(Payout.state != "completed", Payout.block_height.is_(None))
    )
    not_final = Deposit.sweep_id.in_(union(of_open, of_unsettled))
    return union_all(
        select(Deposit.id).where(*is_there, Deposit.sweep_id.is_(None)),
        select(Deposit.id).where(*is_there, not_final, ~_has_been_moved()),
    )


def _has_been_moved() -> ColumnElement[bool]:
    """Whether a sweep of this deposit is final, and still in a block."""
    return exists().where(
        Payout.sweep_id == Deposit.sweep_id,
        Payout.purpose == "sweep",
        Payout.state == "completed",
        Payout.block_height.is_not(None),
    )

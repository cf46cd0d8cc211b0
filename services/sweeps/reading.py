"""Look at sweeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models.chain import DepositAddress
from models.payout import Payout, PayoutTransaction
from models.sweep import Sweep


class SweepNotFound(StrongroomError):
    """There is no such sweep."""

    code: ClassVar[str] = "sweep_not_found"


@dataclass(frozen=True, slots=True)
class SweepView:
    """A sweep, the address that it empties, and the cost of its gas: the maximum while under way, then the actual cost.

    `gas_minor` is in the smallest unit of `gas_asset_id`; both are None while nothing is signed.
    """

    sweep: Sweep
    address: str
    gas_minor: int | None
    gas_asset_id: str | None


def one(session: Session, sweep_id: UUID) -> Sweep:
    """The sweep with this id. Raises SweepNotFound."""
    row = session.get(Sweep, sweep_id)
    if row is None:
        raise SweepNotFound
    return row


def payment_of(session: Session, sweep_id: UUID) -> Payout | None:
    """Its newest payment: of its gas, or the sweep itself; None while nothing is signed."""
    query = select(Payout).where(Payout.sweep_id == sweep_id).order_by(Payout.id.desc()).limit(1)
    return session.scalars(query).first()


def newest(session: Session, *, is_open: bool, limit: int) -> Sequence[SweepView]:
    """The newest sweeps that are under way, or that have come to rest."""
    state = Sweep.closed_at.is_(None) if is_open else Sweep.closed_at.is_not(None)
    rows = session.execute(
        select(Sweep, DepositAddress.address)
        .join(DepositAddress, DepositAddress.id == Sweep.address_id)
        .where(state)
        .order_by(Sweep.id.desc())
        .limit(limit)
    ).all()
    gas = _gas(session, [sweep.id for sweep, _ in rows])
    return [SweepView(sweep, address, *gas.get(sweep.id, (None, None))) for sweep, address in rows]


def _gas(session: Session, sweep_ids: Sequence[UUID]) -> dict[UUID, tuple[int, str]]:
    """What the payments of sweeps cost; of several forms of a payment, the dearest counts until one is in a block."""
    dearest = (
        select(func.max(PayoutTransaction.fee_minor)).where(PayoutTransaction.payout_id == Payout.id).scalar_subquery()
    )
    rows = session.execute(
        select(Payout.sweep_id, Payout.fee_asset_id, func.sum(func.coalesce(Payout.fee_minor, dearest)))
        .where(Payout.sweep_id.in_(sweep_ids))
        .group_by(Payout.sweep_id, Payout.fee_asset_id)
    )
    return {sweep_id: (int(minor), asset_id) for sweep_id, asset_id, minor in rows if sweep_id is not None}

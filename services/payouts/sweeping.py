"""Keep a sweep in step with its payout."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.flows import SWEEP
from models.deposit import Deposit
from models.payout import Payout, PayoutTransaction
from models.sweep import Sweep
from services import flows, leases, outbox

CLOSED: Final = ("completed", "failed")


def follow(session: Session, payout: Payout, detail: Mapping[str, Any], *, now: datetime, by: Actor) -> None:
    """Move the sweep of a payout, if it has one, to the payout's new state."""
    if payout.sweep_id is None:
        return
    sweep = session.get_one(Sweep, payout.sweep_id, with_for_update=True, populate_existing=True)
    if payout.purpose == "gas_top_up":
        told = {**detail, "gas_top_up": payout.state}
        flows.note(session, sweep.flow_id, sweep.state, told, now=now, by=by)
        if payout.state in CLOSED and sweep.state == "topping_up":
            leases.settle(sweep)
            outbox.promise(session, "sweeps.run", now=now)
        return
    flows.record(session, flows.Step(sweep.flow_id, SWEEP, sweep.state, payout.state, detail), now=now, by=by)
    sweep.state, sweep.state_changed_at, sweep.waiting_reason = payout.state, now, None
    sweep.closed_at = now if SWEEP.closed(payout.state) else None
    session.flush()
    if payout.state == "completed":
        sweep.left_minor = left_on(session, sweep)
    if payout.state == "failed":
        # The deposits were not moved: the next sweep of this address gathers them.
        session.execute(update(Deposit).where(Deposit.sweep_id == sweep.id).values(sweep_id=None))


def note(session: Session, payout: Payout, detail: Mapping[str, Any], *, now: datetime, by: Actor) -> None:
    """Add an event about a payout to the flow of its sweep, if it has one."""
    if payout.sweep_id is not None:
        sweep = session.get_one(Sweep, payout.sweep_id)
        flows.note(session, sweep.flow_id, sweep.state, detail, now=now, by=by)


def recount(session: Session, payout: Payout) -> None:
    """Recompute what is left on the address of a payout's sweep: its block has changed."""
    if payout.sweep_id is None:
        return
    address_id = session.get_one(Sweep, payout.sweep_id).address_id
    counted = select(Sweep).where(Sweep.address_id == address_id, Sweep.left_minor.is_not(None)).order_by(Sweep.id)
    for sweep in session.scalars(counted.with_for_update()):
        sweep.left_minor = left_on(session, sweep)


def left_on(session: Session, sweep: Sweep) -> int:
    """The coin on a sweep's address, as `coin_on` counts it."""
    coin_id = session.scalars(
        select(Payout.fee_asset_id).where(Payout.sweep_id == sweep.id, Payout.purpose == "sweep")
    ).first()
    return coin_on(session, sweep.address_id, coin_id or "")


def coin_on(session: Session, address_id: UUID, coin_id: str) -> int:
    """The coin on a deposit address, by what is in blocks: deposits, less sweeps and gas."""
    arrived = session.scalar(
        select(func.coalesce(func.sum(Deposit.amount_minor), 0)).where(
            Deposit.address_id == address_id, Deposit.asset_id == coin_id, Deposit.block_height.is_not(None)
        )
    )
    left_minor = int(arrived or 0)
    rows = session.execute(
        select(Payout.purpose, Payout.asset_id, Payout.void_because, Payout.fee_minor, PayoutTransaction)
        .join(Sweep, Sweep.id == Payout.sweep_id)
        .join(PayoutTransaction, PayoutTransaction.payout_id == Payout.id)
        .where(
            Sweep.address_id == address_id,
            Payout.block_height.is_not(None),
            PayoutTransaction.txid == Payout.txid,
        )
    )
    for purpose, asset_id, void_because, cost_minor, form in rows:
        moved_minor = int(form.amount_minor or 0) if asset_id == coin_id and void_because is None else 0
        if purpose == "gas_top_up":
            left_minor += moved_minor
        else:
            left_minor -= moved_minor + int(form.fee_minor if cost_minor is None else cost_minor)
    return max(0, left_minor)

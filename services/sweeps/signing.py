"""Turn a proposed sweep into signed payments, stored before anybody sees them: first its gas, then the sweep."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import OutPoint
from domain.crash import crash_point
from domain.flows import SWEEP
from domain.rails import RAILS
from domain.wallet_facts import SignedPayment
from models.asset import Asset, WithdrawalPolicy
from models.chain import DepositAddress
from models.deposit import Deposit
from models.payout import Payout
from models.sweep import Sweep
from services import alerts, flows, leases, outbox, payouts

CLAIMED_MAX: Final = 20
ATTEMPTS_BEFORE_ALERT: Final = 5
UNSIGNED: Final = ("proposed", "topping_up")


@dataclass(frozen=True, slots=True)
class Order:
    """One sweep to be signed, with everything needed once the claiming transaction has ended.

    `amount_minor` is the sum of its deposits; of the coin, what lies there less the deposits of a later sweep.
    """

    sweep_id: UUID
    generation: int
    state: str
    chain: str
    asset_id: str
    fee_asset_id: str
    contract: str
    address: str
    derivation_index: int
    amount_minor: int
    fee_max_minor: int
    gas_fee_max_minor: int
    avoid: tuple[OutPoint, ...]


def claim_due(session: Session, chain: str, *, owner: str, now: datetime) -> Sequence[Order]:
    """Lease the sweeps for which nothing is signed yet, or whose gas has arrived, oldest first."""
    topped_up = exists().where(
        Payout.sweep_id == Sweep.id, Payout.purpose == "gas_top_up", Payout.state.not_in(payouts.CLOSED)
    )
    query = (
        select(Sweep)
        .where(Sweep.chain == chain, Sweep.state.in_(UNSIGNED), ~topped_up)
        .order_by(Sweep.id)
        .limit(CLAIMED_MAX)
    )
    claimed = leases.claim(session, query, Sweep, owner=owner, now=now)
    if not claimed:
        return []
    avoid = tuple(payouts.inputs_in_flight(session, chain))
    return [_order(session, sweep, avoid) for sweep in claimed]


def record_topped_up(session: Session, order: Order, signed: SignedPayment, *, now: datetime, by: Actor) -> None:
    """Store the payment that sends gas to the address. Raises LeaseLost, InputsTaken."""
    sweep = _held(session, order)
    payout = payouts.store(
        session,
        order.chain,
        order.fee_asset_id,
        order.fee_asset_id,
        signed,
        purpose="gas_top_up",
        sweep_id=sweep.id,
        now=now,
    )
    # Not `…_minor`: pages format a field with that ending in the asset that is swept.
    detail = {"payout_id": str(payout.id), "txid": signed.txid, "gas": f"{signed.amount_minor} smallest units"}
    _move(session, sweep, "topping_up", detail, now=now, by=by)


def record_signed(session: Session, order: Order, signed: SignedPayment, *, now: datetime, by: Actor) -> None:
    """Store the payment that sweeps the address. Raises LeaseLost, InputsTaken."""
    sweep = _held(session, order)
    payout = payouts.store(
        session,
        order.chain,
        order.asset_id,
        order.fee_asset_id,
        signed,
        purpose="sweep",
        sweep_id=sweep.id,
        now=now,
    )
    detail = {"payout_id": str(payout.id), "txid": signed.txid, "moved_minor": str(signed.amount_minor)}
    _move(session, sweep, "signed", detail, now=now, by=by)


def record_waiting(session: Session, order: Order, *, code: str, now: datetime, by: Actor) -> None:
    """Leave a sweep as it is, with the reason why it waits, to be tried again later. Raises LeaseLost."""
    sweep = _held(session, order)
    leases.release(sweep, due_at=now + leases.back_off(sweep.attempts))
    if sweep.waiting_reason != code:
        before, sweep.waiting_reason = sweep.waiting_reason, code
        _waits_no_more(session, sweep, before, now=now)
        flows.note(session, sweep.flow_id, sweep.state, {"waits_because": code}, now=now, by=by)
    if sweep.attempts >= ATTEMPTS_BEFORE_ALERT:
        alerts.raise_alert(
            session,
            "sweep_waits",
            scope=f"sweeps:{order.chain}:{code}",
            severity="warning",
            reason=f"deposits on {order.chain} cannot be moved to the hot wallet: {code}",
            now=now,
            asset_id=order.asset_id,
            details={"sweep_id": str(sweep.id), "code": code},
        )


def _order(session: Session, sweep: Sweep, avoid: tuple[OutPoint, ...]) -> Order:
    asset = session.get_one(Asset, sweep.asset_id)
    address = session.get_one(DepositAddress, sweep.address_id)
    coin_id = RAILS[sweep.chain].fee_asset_id(sweep.asset_id)
    return Order(
        sweep_id=sweep.id,
        generation=sweep.lease_generation,
        state=sweep.state,
        chain=sweep.chain,
        asset_id=sweep.asset_id,
        fee_asset_id=coin_id,
        contract=asset.contract or "",
        address=address.address,
        derivation_index=address.derivation_index or 0,
        amount_minor=int(sweep.amount_minor) if asset.contract else _movable_coin(session, sweep),
        fee_max_minor=session.get_one(WithdrawalPolicy, sweep.asset_id).network_fee_cap_minor,
        gas_fee_max_minor=session.get_one(WithdrawalPolicy, coin_id).network_fee_cap_minor,
        avoid=avoid,
    )


def _movable_coin(session: Session, sweep: Sweep) -> int:
    """The deposits of this sweep of the coin, and what earlier sweeps of its address left there.

    A deposit that came since it was proposed stays for the next one, which would find its address empty.
    """
    others = session.scalar(
        select(func.coalesce(func.sum(Deposit.amount_minor), 0)).where(
            Deposit.address_id == sweep.address_id,
            Deposit.asset_id == sweep.asset_id,
            Deposit.block_height.is_not(None),
            Deposit.sweep_id.is_(None),
        )
    )
    return payouts.coin_on(session, sweep.address_id, sweep.asset_id) - int(others or 0)


def _held(session: Session, order: Order) -> Sweep:
    return leases.locked(session, select(Sweep).where(Sweep.id == order.sweep_id), order.generation)


def _move(session: Session, sweep: Sweep, state: str, detail: dict[str, str], *, now: datetime, by: Actor) -> None:
    """A second top-up, when gas grew dearer meanwhile, is a note."""
    if sweep.state == state:
        flows.note(session, sweep.flow_id, state, detail, now=now, by=by)
    else:
        flows.record(session, flows.Step(sweep.flow_id, SWEEP, sweep.state, state, detail), now=now, by=by)
        sweep.state, sweep.state_changed_at = state, now
    before, sweep.waiting_reason = sweep.waiting_reason, None
    _waits_no_more(session, sweep, before, now=now)
    leases.settle(sweep)
    outbox.promise(session, "payouts.send", now=now)
    session.flush()
    crash_point("sweep.storing")


def _waits_no_more(session: Session, sweep: Sweep, code: str | None, *, now: datetime) -> None:
    """Clear the alert about this reason to wait, unless another sweep of the chain still waits for it."""
    if code is None:
        return
    session.flush()
    others = select(Sweep.id).where(
        Sweep.chain == sweep.chain,
        Sweep.state.in_(("proposed", "topping_up")),
        Sweep.waiting_reason == code,
        Sweep.id != sweep.id,
    )
    if session.scalars(others.limit(1)).first() is None:
        scope = f"sweeps:{sweep.chain}:{code}"
        alerts.clear(session, "sweep_waits", scope=scope, now=now, reason="no sweep of this chain waits for that")

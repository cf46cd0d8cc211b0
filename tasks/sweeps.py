"""Sweep deposit addresses to the hot wallet, where this machine holds their keys."""

from typing import Final

import structlog

from domain.account_ports import SweepingChain, has_sweep_keys
from domain.actor import Actor
from domain.chain_facts import OutPoint
from domain.crash import crash_point
from domain.node_refusals import ChainError, FeeAboveCap
from domain.ports import Chain
from domain.wallet_facts import Payment, SignedPayment, SweepCost
from services import sweeps
from services.leases import LeaseLost
from services.payouts import InputsTaken
from services.sweeps import Order
from tasks.app import task
from tasks.hot_funds import refuse_uncovered
from tasks.payouts import send_chain
from tasks.rounds import at, visit
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

WORTH_ITS_FEE: Final = 5
"""A sweep of the coin moves at least this many times its cost."""
MARGIN_PARTS: Final = 3
MARGIN_OF: Final = 2
"""How much more gas than missing is sent: it may become dearer until the sweep is in a block."""


@task("sweeps.run")
def run(container: Container, by: Actor) -> int:
    """Sweep every chain whose keys are here. Returns how many payments were signed."""
    return visit("sweeps.run", at(container.chains, sweep_chain, container, by))


def sweep_chain(container: Container, chain: Chain, by: Actor) -> int:
    """Propose what is worth it, then sign and send what is due. Returns how many payments were signed."""
    if not has_sweep_keys(chain):
        return 0
    name = chain.rail.chain
    with container.transaction() as session:
        sweeps.propose(session, name, now=container.now(), by=by)
    with container.transaction() as session:
        due = sweeps.claim_due(session, name, owner=worker_name(), now=container.now())
    if due:
        crash_point("sweep.claimed")
    signed = 0
    used: list[OutPoint] = []
    for order in due:
        try:
            signed += _sign(container, chain, order, used, by)
        except LeaseLost:
            log.warning("lease_lost", sweep_id=str(order.sweep_id))
    if signed:
        crash_point("sweep.signed")
        send_chain(container, chain, by)
    return signed


def _sign(container: Container, chain: SweepingChain, order: Order, used: list[OutPoint], by: Actor) -> int:
    """Sign and store the next payment of one sweep: its gas, or itself. Returns 1, or 0 when it has to wait."""
    try:
        cost = chain.sweep_cost(order.derivation_index, contract=order.contract, amount_minor=order.amount_minor)
        if order.contract and cost.missing_minor:
            payment, record = _top_up(container, chain, order, cost, used), sweeps.record_topped_up
        elif order.contract or order.amount_minor >= WORTH_ITS_FEE * cost.fee_minor:
            payment, record = _build(chain, order, used), sweeps.record_signed
        else:
            raise FeeAboveCap(f"moving {order.amount_minor} would cost {cost.fee_minor}")
        crash_point("sweep.built")
        with container.transaction() as session:
            record(session, order, payment, now=container.now(), by=by)
    except (ChainError, InputsTaken) as error:
        log.warning("sweep_waits", sweep_id=str(order.sweep_id), code=error.code, reason=str(error))
        with container.transaction() as session:
            sweeps.record_waiting(session, order, code=error.code, now=container.now(), by=by)
        return 0
    used += payment.inputs
    return 1


def _top_up(
    container: Container, chain: SweepingChain, order: Order, cost: SweepCost, used: list[OutPoint]
) -> SignedPayment:
    """The gas that the address lacks, and some more, from the hot wallet."""
    if cost.fee_minor > order.fee_max_minor:
        raise FeeAboveCap(f"moving it would cost {cost.fee_minor}; the cap is {order.fee_max_minor}")
    gas = Payment(order.address, cost.missing_minor * MARGIN_PARTS // MARGIN_OF)
    payment = chain.build([gas], fee_max_minor=order.gas_fee_max_minor, avoid=(*order.avoid, *used))
    coin = order.fee_asset_id
    refuse_uncovered(container, chain, payment, asset_id=coin, contract="", fee_asset_id=coin)
    return payment


def _build(chain: SweepingChain, order: Order, used: list[OutPoint]) -> SignedPayment:
    return chain.build_sweep(
        order.derivation_index,
        contract=order.contract,
        amount_minor=order.amount_minor,
        fee_max_minor=order.fee_max_minor,
        avoid=(*order.avoid, *used),
    )

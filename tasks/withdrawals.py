"""Turn approved withdrawals into signed, stored payments."""

from collections.abc import Callable
from functools import partial
from typing import Final

import structlog

from domain.actor import Actor
from domain.crash import crash_point
from domain.node_refusals import ChainError, FeeAboveCap, InsufficientHotFunds, NodeError, PaymentTooSmall
from domain.ports import Chain
from domain.provider_ports import Provider
from domain.rail_rows import RailRow
from domain.wallet_facts import SignedPayment
from models.asset import Asset
from services import assets, payouts
from services.payouts import Batch, InputsTaken
from tasks.app import task
from tasks.hot_funds import refuse_uncovered
from tasks.patience import Patience
from tasks.payouts import send_chain
from tasks.reports import follow_provider
from tasks.rounds import at, visit
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

# Refusals that may concern one withdrawal, or too many at once: a smaller batch is tried, so that one never blocks all.
PERHAPS_ONE_OF_THEM: Final = (InsufficientHotFunds, FeeAboveCap, PaymentTooSmall, NodeError)


Build = Callable[[Batch], SignedPayment]
"""Signs one payment, or prepares a provider's request, and sends nothing."""


@task("withdrawals.pay")
def pay(container: Container, by: Actor) -> int:
    """Pay what is approved on every rail. Returns how many payments were signed."""
    errands = at(container.chains, pay_chain, container, by) | at(container.providers, pay_provider, container, by)
    return visit("withdrawals.pay", errands)


def pay_chain(container: Container, chain: Chain, by: Actor) -> int:
    """Sign and store payments for the approved withdrawals of one chain, then send them. Returns how many."""
    signed = _pay_rail(container, chain.rail, Patience().asking(partial(_build, container, chain)), by)
    if signed:
        send_chain(container, chain, by)
    return signed


def pay_provider(container: Container, provider: Provider, by: Actor) -> int:
    """Word and store requests for the approved withdrawals of one provider, then make them. Returns how many."""

    def build(part: Batch) -> SignedPayment:
        return provider.build(part.payments, fee_max_minor=part.fee_max_minor, avoid=part.avoid)

    signed = _pay_rail(container, provider.rail, build, by)
    if signed:
        follow_provider(container, provider, by)
    return signed


def _pay_rail(container: Container, rail: RailRow, build: Build, by: Actor) -> int:
    with container.reading() as session:
        payable = assets.of_chain(session, rail.chain)
    return sum(_pay_asset(container, rail, asset, build, by) for asset in payable)


def _pay_asset(container: Container, rail: RailRow, asset: Asset, build: Build, by: Actor) -> int:
    """Store payments for what is approved of one asset, as many in each as the rail allows."""
    signed = 0
    while True:
        with container.transaction() as session:
            batch = payouts.claim_approved(
                session,
                asset,
                fee_asset_id=rail.fee_asset_id(asset.asset_id),
                most=rail.payments_per_transaction,
                owner=worker_name(),
                now=container.now(),
            )
        if batch is None:
            return signed
        crash_point("withdrawal.claimed")
        signed += _pay_batch(container, build, batch, by)


def _pay_batch(container: Container, build: Build, batch: Batch, by: Actor) -> int:
    """Pay a batch in as few payments as the wallet's funds allow, oldest first. Returns how many payments."""
    signed, first, size = 0, 0, len(batch.claims)
    while first < len(batch.claims):
        part = batch.part(first, size)
        try:
            payment = build(part)
            crash_point("withdrawal.built")
            with container.transaction() as session:
                stored = payouts.record_signed(session, part, payment, now=container.now(), by=by)
        except PERHAPS_ONE_OF_THEM as error:
            if size > 1:
                size //= 2
                continue
            log.warning("withdrawal_waits", chain=batch.chain, code=error.code, reason=str(error))
            _wait(container, part, error.code, by)
        except (ChainError, InputsTaken) as error:
            log.warning("withdrawals_wait", chain=batch.chain, code=error.code, reason=str(error))
            _wait(container, batch.part(first, len(batch.claims)), error.code, by)
            break
        else:
            signed += stored is not None
            crash_point("withdrawal.signed")
        first += size
    return signed


def _build(container: Container, chain: Chain, part: Batch) -> SignedPayment:
    """One signed payment. When funds seem short, inputs that a dead process left locked are unlocked first."""
    try:
        payment = chain.build(part.payments, fee_max_minor=part.fee_max_minor, avoid=part.avoid)
    except InsufficientHotFunds:
        with container.reading() as session:
            in_flight = payouts.inputs_in_flight(session, part.chain)
        chain.reserve(in_flight)
        payment = chain.build(part.payments, fee_max_minor=part.fee_max_minor, avoid=part.avoid)
    contract = part.payments[0].contract
    refuse_uncovered(
        container, chain, payment, asset_id=part.asset_id, contract=contract, fee_asset_id=part.fee_asset_id
    )
    return payment


def _wait(container: Container, part: Batch, code: str, by: Actor) -> None:
    with container.transaction() as session:
        payouts.record_waiting(session, part, code=code, now=container.now(), by=by)

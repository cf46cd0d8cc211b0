"""Watch-only wallets: have the node check and derive what was imported, and look for what lies there."""

import random
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from domain.actor import Actor
from domain.addresses import InvalidAddress, UnsupportedAddress, WrongNetwork, parse_address
from domain.crash import crash_point
from domain.descriptors import Descriptor, InvalidDescriptor, parse_descriptor
from domain.errors import StrongroomError
from domain.networks import Network
from domain.node_refusals import ChainError, DescriptorRefused
from domain.ports import DescriptorChain, understands_descriptors
from domain.wallet_facts import NewAddress
from models.watch_wallet import WatchWallet
from services import watch_wallets
from services.leases import LeaseLost
from services.watch_wallets import ScanOrder
from tasks.app import task
from tasks.rounds import visit
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

SCAN_TIME_LIMIT_S: Final = 840
"""Longer than the adapter's patience, shorter than the broker's: no message is delivered while its scan runs."""


@task("watch_wallets.derive")
def derive(container: Container, by: Actor) -> int:
    """Check and derive what was imported. Returns how many wallets were looked at."""
    errands = {chain.rail.chain: partial(derive_chain, container, chain, by) for chain in _chains(container)}
    return visit("watch_wallets.derive", errands)


@task("watch_wallets.scan", time_limit_s=SCAN_TIME_LIMIT_S)
def scan(container: Container, by: Actor) -> int:
    """Make one pass, on a chain on which somebody waits. Returns how many balances are new."""
    chains = _chains(container)
    # One pass, because two may exceed the task's time limit; a random chain, so that none is always last.
    random.shuffle(chains)
    return next((count for chain in chains if (count := scan_chain(container, chain)) is not None), 0)


def _chains(container: Container) -> list[DescriptorChain]:
    return [chain for chain in container.chains.values() if understands_descriptors(chain)]


def derive_chain(container: Container, chain: DescriptorChain, by: Actor) -> int:
    """Check and derive what was imported for one chain."""
    with container.transaction() as session:
        claimed = watch_wallets.claim_pending(session, chain.network.chain, owner=worker_name(), now=container.now())
    for wallet in claimed:
        try:
            _derive(container, chain, wallet, by)
        except LeaseLost:
            log.info("watch_wallet_taken_over", wallet_id=str(wallet.id))
    return len(claimed)


def scan_chain(container: Container, chain: DescriptorChain) -> int | None:
    """Make one pass for everyone who waits on one chain. Returns how many balances are new; None without a pass."""
    name = chain.network.chain
    with container.transaction() as session:
        order = watch_wallets.claim_scan(session, name, owner=worker_name(), now=container.now())
    if order is None:
        return None
    try:
        return _scan(container, chain, order)
    except LeaseLost:
        log.warning("watch_scan_taken_over", chain=name)
        return 0


def _derive(container: Container, chain: DescriptorChain, wallet: WatchWallet, by: Actor) -> None:
    code = reason = ""
    addresses: Sequence[NewAddress] = ()
    derived_keys = b""
    refusal: StrongroomError | None = None
    try:
        descriptor = parse_descriptor(wallet.descriptor, chain.network)
        addresses = _addresses(chain, wallet, descriptor)
        derived_keys = watch_wallets.derived_keys(descriptor.extended_keys, wallet.indexes())
    except (DescriptorRefused, InvalidDescriptor, InvalidAddress, WrongNetwork, UnsupportedAddress) as error:
        refusal = error
    except ChainError as error:
        code, reason = error.code, str(error)
        log.warning("watch_wallet_not_derived", wallet_id=str(wallet.id), code=code, reason=reason)
    crash_point("watch_wallets.derived")
    generation, now = wallet.lease_generation, container.now()
    with container.transaction() as session:
        if refusal is not None:
            watch_wallets.record_refusal(
                session, wallet.id, code=refusal.code, reason=str(refusal), generation=generation, now=now, by=by
            )
        elif code:
            watch_wallets.record_waiting(session, wallet.id, reason=code, generation=generation, now=now)
        else:
            watch_wallets.record_addresses(
                session, wallet.id, addresses, derived_keys=derived_keys, generation=generation, now=now, by=by
            )


def _addresses(chain: DescriptorChain, wallet: WatchWallet, descriptor: Descriptor) -> Sequence[NewAddress]:
    """The descriptor's addresses, once the node has accepted it."""
    chain.check(descriptor)
    return [_with_script(address, chain.network) for address in chain.derive(descriptor, wallet.indexes())]


def _with_script(address: str, network: Network) -> NewAddress:
    return NewAddress(address, parse_address(address, network).script)


def _scan(container: Container, chain: DescriptorChain, order: ScanOrder) -> int:
    name, generation = chain.network.chain, order.generation

    def report(progress: int) -> None:
        with container.transaction() as session:
            watch_wallets.report_scan(session, name, generation=generation, progress=progress, now=container.now())

    try:
        if order.follows_abandoned and chain.abort_scan():
            log.warning("watch_scan_abandoned", chain=name)
        result = chain.scan(order.objects, report=report)
    except ChainError as error:
        log.warning("watch_scan_failed", chain=name, code=error.code, reason=str(error))
        with container.transaction() as session:
            watch_wallets.fail_scan(session, name, code=error.code, generation=generation, now=container.now())
        return 0
    crash_point("watch_wallets.scanned")
    with container.transaction() as session:
        return watch_wallets.finish_scan(session, name, result, generation=generation, now=container.now())

"""Keep the pools of deposit addresses filled."""

from collections.abc import Callable, Sequence
from functools import partial

import structlog

from domain.actor import Actor
from domain.crash import crash_point
from domain.node_refusals import ChainError
from domain.ports import Chain
from domain.provider_ports import Provider
from domain.rail_rows import RailRow
from domain.wallet_facts import NewAddress
from services import addresses, assets
from tasks.app import task
from tasks.patience import Patience
from tasks.rounds import visit
from wiring.container import Container

log = structlog.get_logger(__name__)


@task("addresses.refill")
def refill(container: Container, by: Actor) -> int:
    """Fill every pool that has run low. Returns how many addresses were added."""
    errands = {name: partial(refill_chain, container, chain) for name, chain in container.chains.items()}
    errands |= {name: partial(refill_provider, container, provider) for name, provider in container.providers.items()}
    return visit("addresses.refill", errands)


def refill_chain(container: Container, chain: Chain) -> int:
    """Fill one pool from the node's wallet. A node that cannot give addresses is asked again at the next sweep."""
    return _refill(container, chain.rail, "", chain.new_addresses)


def refill_provider(container: Container, provider: Provider) -> int:
    """Fill the pools of a provider, one for each of the networks on which its money moves."""
    patience = Patience()
    return sum(
        _refill(container, provider.rail, network, patience.asking(partial(provider.new_addresses, network=network)))
        for network in provider.rail.networks or ("",)
    )


def _refill(container: Container, rail: RailRow, network: str, make: Callable[..., Sequence[NewAddress]]) -> int:
    name = rail.chain
    with container.transaction() as session:
        assets.ensure_rail(session, rail)
        wanted, first_index = addresses.shortage(session, name, network), addresses.next_index(session, name)
    if not wanted:
        return 0
    try:
        fresh = make(wanted, first_index=first_index)
    except ChainError as error:
        log.warning("address_pool_not_refilled", chain=name, code=error.code, reason=str(error))
        return 0
    crash_point("addresses.made")
    with container.transaction() as session:
        addresses.add_to_pool(session, name, fresh, now=container.now())
    return len(fresh)

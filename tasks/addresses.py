"""Keep the pools of deposit addresses filled."""

import structlog

from domain.actor import Actor
from domain.crash import crash_point
from domain.node_refusals import ChainError
from domain.ports import Chain, Provider
from services import addresses, assets
from tasks.app import task
from wiring.container import Container

log = structlog.get_logger(__name__)


@task("addresses.refill")
def refill(container: Container, by: Actor) -> int:
    """Fill every pool that has run low. Returns how many addresses were added."""
    wallets: list[Chain | Provider] = [*container.chains.values(), *container.providers.values()]
    return sum(refill_chain(container, wallet) for wallet in wallets)


def refill_chain(container: Container, chain: Chain | Provider) -> int:
    """Fill one pool from the node's wallet. A node that cannot give addresses is asked again at the next sweep."""
    name = chain.rail.chain
    with container.transaction() as session:
        assets.ensure_rail(session, chain.rail)
        wanted, first_index = addresses.shortage(session, name), addresses.next_index(session, name)
    if not wanted:
        return 0
    try:
        fresh = chain.new_addresses(wanted, first_index=first_index)
    except ChainError as error:
        log.warning("address_pool_not_refilled", chain=name, code=error.code, reason=str(error))
        return 0
    crash_point("addresses.made")
    with container.transaction() as session:
        addresses.add_to_pool(session, name, fresh, now=container.now())
    return len(fresh)

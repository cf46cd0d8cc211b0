"""Read every chain from its cursor to its tip, then its mempool."""

from datetime import timedelta
from typing import Final

import structlog

from domain.actor import Actor
from domain.chain_facts import Tip
from domain.node_refusals import ChainError, NodeLagging
from domain.ports import Chain
from services import assets, chains
from services.leases import LeaseLost
from tasks import deposits, payouts
from tasks.app import task
from tasks.backfilling import backfill_chain, reread_chain
from tasks.block_reader import Reader
from tasks.mempool import look_at_mempool
from tasks.rounds import at, visit
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

# With this many headers more than blocks, a node is still syncing.
LAG_BLOCKS_MAX: Final = 3
# If no block came for this many block intervals, our node has more likely lost the network.
SILENT_INTERVALS_MAX: Final = 24


@task("chains.watch")
def watch(container: Container, by: Actor) -> int:
    """Read every configured chain. Returns how many new deposits were sighted."""
    return visit("chains.watch", at(container.chains, watch_chain, container, by))


@task("chains.backfill")
def backfill(container: Container, by: Actor) -> int:
    """Look on chains of accounts for deposits that were missed. Returns how many were found."""
    return visit("chains.backfill", at(container.chains, backfill_chain, container, by))


@task("chains.reread")
def reread(container: Container, by: Actor) -> int:
    """Read blocks with unreadable tokens again. Returns how many deposits were found."""
    return visit("chains.reread", at(container.chains, reread_chain, container, by))


def watch_chain(container: Container, chain: Chain, by: Actor) -> int:
    """Look at one chain, unless it is paused or another worker is at it. Returns new deposits."""
    name = chain.rail.chain
    with container.transaction() as session:
        cursor = chains.claim(session, name, owner=worker_name(), now=container.now())
        followed = cursor is not None or any(row.chain == name for row in chains.every(session))
    if not followed:
        begin(container, chain)
    if cursor is None:
        return 0
    reader = Reader(container, chain, cursor.lease_generation, by)
    try:
        tip = _healthy_tip(container, chain)
        found = reader.catch_up(cursor.height, cursor.hash, tip) + look_at_mempool(reader, tip)
        with container.transaction() as session:
            chains.finish(
                session,
                name,
                generation=reader.generation,
                tip_height=tip.height,
                final_height=tip.final_height,
                now=container.now(),
            )
    except LeaseLost:
        log.warning("lease_lost", chain=name)
        return 0
    except (ChainError, chains.ReorganisationTooDeep) as error:
        _record_failure(reader, error)
        return 0
    deposits.credit_chain(container, name, by)
    payouts.settle_chain(container, name, by)
    return found


def begin(container: Container, chain: Chain) -> None:
    """Follow a chain from its present tip on: none of our addresses is older."""
    try:
        tip = _healthy_tip(container, chain)
        first = max(0, tip.height - chains.REORG_DEPTH_MAX)
        hashes = chain.block_hashes(first, tip.height - first + 1)
    except ChainError as error:
        log.warning("chain_not_followed_yet", chain=chain.rail.chain, code=error.code, reason=str(error))
        with container.transaction() as session:
            chains.cannot_follow(session, chain.rail.chain, code=error.code, now=container.now())
        return
    with container.transaction() as session:
        assets.ensure_rail(session, chain.rail)
        height = first + len(hashes) - 1
        final_height, now = tip.final_height, container.now()
        chains.follow(session, chain.rail.chain, height=height, hashes=hashes, final_height=final_height, now=now)


def _healthy_tip(container: Container, chain: Chain) -> Tip:
    """The node's tip. Raises NodeLagging when the node itself says, or its clock shows, that it is behind."""
    tip = chain.tip()
    if tip.headers_height - tip.height > LAG_BLOCKS_MAX:
        raise NodeLagging(f"the node has {tip.height} of {tip.headers_height} blocks")
    silent_for = container.now() - tip.median_time
    if not chain.rail.is_test and silent_for > SILENT_INTERVALS_MAX * chain.rail.block_interval:
        raise NodeLagging(f"the node has seen no block for {silent_for // timedelta(minutes=1)} minutes")
    return tip


def _record_failure(reader: Reader, error: ChainError | chains.ReorganisationTooDeep) -> None:
    log.warning("chain_unreadable", chain=reader.name, code=error.code, reason=str(error))
    critical = isinstance(error, chains.ReorganisationTooDeep)
    with reader.container.transaction() as session:
        chains.fail(
            session,
            reader.name,
            generation=reader.generation,
            code=error.code,
            now=reader.container.now(),
            critical=critical,
        )

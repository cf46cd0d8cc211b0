"""How fast blocks are caught up with, next to how fast the node gives them up."""

import time
from statistics import median
from typing import Final

from bench.world import World
from domain.actor import Actor
from domain.chain_facts import Tip
from domain.ids import new_id
from domain.ports import Chain
from models.user import User
from services import addresses, chains
from tasks import addresses as address_tasks
from tasks import chains as chain_tasks
from tasks.block_reader import BLOCKS_PER_BATCH, HASHES_PER_READ, Reader
from tasks.runtime import worker_name
from wiring.container import Container
from wiring.embedded.node import MINER

BLOCKS: Final = 500
"""In each round."""
PAID_EVERY: Final = 10
PAYMENTS: Final = 5
ROUNDS: Final = 3
_BY: Final = Actor("bench")


def catch_up(world: World) -> dict[str, float]:
    """Blocks per second recorded ÷ blocks per second that the same calls alone give, in turns: the median."""
    house = world.house("catching_up")
    with house.container() as container:
        chain = next(iter(container.chains.values()))
        ours = _addresses(container, chain)
        pairs = []
        for _ in range(ROUNDS):
            start = chain.tip()
            _mine(world, ours)
            # The node alone before and after, so that neither side finds it warmer than the other does.
            before, recorded, after = _alone(chain, start), _recorded(container, chain), _alone(chain, start)
            pairs.append(((before + after) / 2, recorded))
    return {
        "catch_up": median(recorded / alone for alone, recorded in pairs),
        "catch_up_blocks_per_s": median(recorded for _, recorded in pairs),
        "catch_up_floor_blocks_per_s": median(alone for alone, _ in pairs),
    }


def _addresses(container: Container, chain: Chain) -> list[str]:
    """Addresses of our wallet that users hold; following begins here."""
    chain.ensure_wallet()
    chain_tasks.begin(container, chain)
    address_tasks.refill_chain(container, chain)
    now = container.now()
    found = []
    with container.transaction() as session:
        for _ in range(PAYMENTS):
            user_id = new_id()
            session.add(User(id=user_id, public_key=f"02{user_id.hex}{user_id.hex}", created_at=now))
            session.flush()
            issued = addresses.issue(session, user_id=user_id, asset_id=chain.rail.coin.asset_id, now=now, by=_BY)
            found.append(issued.address)
    return found


def _mine(world: World, ours: list[str]) -> None:
    """Blocks of which each tenth carries payments to us."""
    for _ in range(0, BLOCKS, PAID_EVERY):
        world.node.call("sendmany", "", dict.fromkeys(ours, "0.01"), wallet=MINER)
        world.node.mine(PAID_EVERY)


def _alone(chain: Chain, start: Tip) -> float:
    """The calls of catching up, and nothing done with the answers."""
    height = start.height
    started = time.perf_counter()
    while len(hashes := chain.block_hashes(height, HASHES_PER_READ + 1)) > 1:
        for first in range(1, len(hashes), BLOCKS_PER_BATCH):
            height += len(chain.blocks(hashes[first : first + BLOCKS_PER_BATCH]))
    return (height - start.height) / (time.perf_counter() - started)


def _recorded(container: Container, chain: Chain) -> float:
    """Everything that a worker does with the same blocks, but for crediting."""
    with container.transaction() as session:
        cursor = chains.claim(session, chain.rail.chain, owner=worker_name(), now=container.now())
    if cursor is None:
        raise RuntimeError("somebody else reads the chain")
    tip = chain.tip()
    reader = Reader(container, chain, cursor.lease_generation, _BY)
    started = time.perf_counter()
    found = reader.catch_up(cursor.height, cursor.hash, tip)
    elapsed = time.perf_counter() - started
    if found != BLOCKS // PAID_EVERY * PAYMENTS:
        raise RuntimeError(f"{found} payments were found")
    with container.transaction() as session:
        chains.finish(
            session, chain.rail.chain, generation=reader.generation, tip_height=tip.height, now=container.now()
        )
    return (tip.height - cursor.height) / elapsed

"""Ask chains of accounts once more what moved, many blocks at a time, and take in what was missed."""

from typing import Final

import structlog

from domain.account_ports import reads_ranges
from domain.actor import Actor
from domain.crash import crash_point
from domain.node_refusals import ChainError
from domain.ports import Chain
from services import backfill
from tasks import deposits
from wiring.container import Container

log = structlog.get_logger(__name__)

BLOCKS_PER_QUESTION: Final = 2_000
"""So many are compared before it is remembered that they were."""
BLOCKS_READ_AGAIN: Final = 20


def backfill_chain(container: Container, chain: Chain, by: Actor) -> int:
    """Compare what was read of one chain since the last time. Returns how many deposits had been missed."""
    if not reads_ranges(chain):
        return 0
    name, found = chain.rail.chain, 0
    with container.reading() as session:
        stretch = backfill.due(session, name)
    if stretch is None:
        return 0
    for first in range(stretch.first_height, stretch.last_height + 1, BLOCKS_PER_QUESTION):
        last = min(stretch.last_height, first + BLOCKS_PER_QUESTION - 1)
        try:
            movements = chain.token_transfers(first, last, stretch.contracts)
            with container.reading() as session:
                hashes = backfill.missed(session, name, movements)
            for start in range(0, len(hashes), BLOCKS_READ_AGAIN):
                blocks = chain.blocks(hashes[start : start + BLOCKS_READ_AGAIN], contracts=stretch.contracts)
                with container.transaction() as session:
                    found += backfill.take_in(session, name, blocks, now=container.now(), by=by)
                    crash_point("deposit.backfilling")
        except ChainError as error:  # the next pass begins here again
            log.warning("backfill_stopped", chain=name, code=error.code, reason=str(error), height=first)
            break
        with container.transaction() as session:
            backfill.done(session, name, last)
    if found:
        deposits.credit_chain(container, name, by)
    return found

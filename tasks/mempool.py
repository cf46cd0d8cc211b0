"""Look at a chain's mempool, and stop showing payments that have left it and are in no block."""

from datetime import datetime, timedelta
from typing import Final

import structlog

from domain.chain_facts import Tip
from domain.crash import crash_point
from services import chains, deposits
from tasks.block_reader import Reader

log = structlog.get_logger(__name__)

MEMPOOL_PER_BATCH: Final = 500
# Blocks must not wait for a long look at a full mempool; what is left is looked at in the next turn.
MEMPOOL_PER_TURN: Final = 10 * MEMPOOL_PER_BATCH
# A node that has just started fills its mempool again for a while.
MISSING_MAX: Final = timedelta(seconds=60)

# What this process has looked at already, by chain. Forgetting it only costs a second look.
_looked_at: dict[str, frozenset[str]] = {}
# Since when payments that no block holds have been missing from the mempool, by chain and transaction.
_missing_since: dict[str, dict[str, datetime]] = {}


def look_at_mempool(reader: Reader, tip: Tip) -> int:
    """Record the unconfirmed transactions that this process has not looked at yet. Returns new deposits."""
    found = 0
    present = reader.chain.mempool()
    looked_at = _looked_at.get(reader.name, frozenset()) & present
    unknown = sorted(present - looked_at)[:MEMPOOL_PER_TURN]
    for start in range(0, len(unknown), MEMPOOL_PER_BATCH):
        some = unknown[start : start + MEMPOOL_PER_BATCH]
        transactions = list(reader.chain.mempool_transactions(some).values())
        crash_point("deposit.mempool_read")
        with reader.container.transaction() as session:
            found += chains.sight_mempool(
                session,
                reader.name,
                transactions,
                generation=reader.generation,
                now=reader.container.now(),
                by=reader.by,
            )
            crash_point("deposit.mempool_recording")
    _looked_at[reader.name] = looked_at.union(unknown)
    _give_up_on_missing(reader, present, tip)
    return found


def _give_up_on_missing(reader: Reader, present: frozenset[str], tip: Tip) -> None:
    """Stop showing payments that have been missing from the mempool for a while, though no block took them."""
    with reader.container.reading() as session:
        missing = deposits.awaiting_a_block(session, reader.name) - present
    now = reader.container.now()
    since = {txid: _missing_since.get(reader.name, {}).get(txid, now) for txid in missing}
    _missing_since[reader.name] = since
    gone = [txid for txid, at in since.items() if now - at >= MISSING_MAX]
    # Only if no block has come since: otherwise that block may be where they went.
    if gone and reader.chain.tip().hash == tip.hash:
        with reader.container.transaction() as session:
            count = chains.give_up_on(
                session, reader.name, gone, generation=reader.generation, now=reader.container.now(), by=reader.by
            )
        log.info("payments_left_the_mempool", chain=reader.name, deposits=count)

"""Compare past blocks of chains of accounts with our deposits, many blocks at a time, and take in what was missed."""

from typing import Final

import structlog

from domain.account_ports import reads_ranges
from domain.actor import Actor
from domain.chain_facts import Block
from domain.crash import crash_point
from domain.node_refusals import ChainError, NodeError
from domain.ports import Chain
from domain.wallet_facts import Holding
from services import assets, backfill, unread_tokens
from tasks import deposits
from wiring.container import Container

log = structlog.get_logger(__name__)

BLOCKS_PER_QUESTION: Final = 2_000
"""How many blocks are compared before the progress is stored."""
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
        except ChainError as error:  # the next pass starts here again
            log.warning("backfill_stopped", chain=name, code=error.code, reason=str(error), height=first)
            break
        with container.transaction() as session:
            backfill.done(session, name, last)
    if found:
        deposits.credit_chain(container, name, by)
    return found


def reread_chain(container: Container, chain: Chain, by: Actor) -> int:
    """Read blocks with unreadable tokens again. Returns how many deposits were found."""
    if not reads_ranges(chain):
        return 0
    name, found = chain.rail.chain, 0
    with container.reading() as session:
        hashes = unread_tokens.due(session, name, now=container.now())
        money = assets.by_contract(session, name)
    contracts = {contract: asset.contract or "" for contract, asset in money.items() if contract}
    for block_hash in hashes:
        try:
            [block] = chain.blocks([block_hash], contracts=contracts)
            held = _held(container, chain, block)
        except ChainError as error:  # it stays due
            log.warning("block_not_read_again", chain=name, code=error.code, reason=str(error), block_hash=block_hash)
            break
        with container.transaction() as session:
            told = unread_tokens.believed(session, name, block, held)
            found += backfill.take_in_again(session, name, [told], now=container.now(), by=by)
            crash_point("deposit.rereading")
    if found:
        deposits.credit_chain(container, name, by)
    return found


def _held(container: Container, chain: Chain, block: Block) -> dict[unread_tokens.Holder, Holding]:
    """What our addresses hold now of tokens that were unreadable in a block; tokens that still refuse are left out."""
    with container.reading() as session:
        holders = unread_tokens.holders(session, chain.rail.chain, block)
    held = {}
    for holder, address in holders.items():
        contract, _ = holder
        try:
            held[holder] = chain.holding(contract, unswept=[address])
        except NodeError as error:  # the token itself refuses: it goes on waiting
            log.info("token_still_silent", chain=chain.rail.chain, contract=contract, reason=str(error))
    return held

"""Read every chain from its cursor to its tip, then its mempool."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from domain.actor import Actor
from domain.chain_facts import Block, Tip
from domain.crash import crash_point
from domain.node_refusals import ChainError, NodeLagging
from domain.ports import Chain
from services import assets, chains
from services import deposits as own_deposits
from services import payouts as own_payouts
from services.leases import LeaseLost
from tasks import deposits, payouts
from tasks.app import task
from tasks.backfilling import backfill_chain, reread_chain
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

HASHES_PER_READ: Final = 2_000
BLOCKS_PER_BATCH: Final = 100
OUTPUTS_PER_BATCH: Final = 20_000
# So many blocks are read before it is known how full they are.
BLOCKS_AT_FIRST: Final = 4
MEMPOOL_PER_BATCH: Final = 500
# Blocks must not wait for a long look at a full mempool; what is left is looked at in the next turn.
MEMPOOL_PER_TURN: Final = 10 * MEMPOOL_PER_BATCH
# While a node is slow to answer, the lease on its chain is renewed this often.
RENEWED_EVERY_S: Final = 5.0
# A node that knows of this many more headers than it has blocks is catching up itself.
LAG_BLOCKS_MAX: Final = 3
# A live network without a block for this many times its interval is more likely to be out of our node's sight.
SILENT_INTERVALS_MAX: Final = 24

# A node that has just started fills its mempool again for a while.
MISSING_MAX: Final = timedelta(seconds=60)

# What this process has already looked at, by chain. Forgetting it costs a second look and nothing else.
_looked_at: dict[str, frozenset[str]] = {}
# Since when this process has been missing payments from the mempool that no block holds, by chain and transaction.
_missing_since: dict[str, dict[str, datetime]] = {}


@task("chains.watch")
def watch(container: Container, by: Actor) -> int:
    """Look at every chain that is configured. Returns how many new deposits were sighted."""
    return sum(watch_chain(container, chain, by) for chain in container.chains.values())


@task("chains.backfill")
def backfill(container: Container, by: Actor) -> int:
    """Look again at what chains of accounts moved, for what was missed. Returns how many deposits."""
    return sum(backfill_chain(container, chain, by) for chain in container.chains.values())


@task("chains.reread")
def reread(container: Container, by: Actor) -> int:
    """Read again the blocks in which a token would not say what arrived. Returns how many deposits were found."""
    return sum(reread_chain(container, chain, by) for chain in container.chains.values())


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
        found = reader.catch_up(cursor.height, cursor.hash, tip) + reader.look_at_mempool(tip)
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
    """Follow a chain from its present tip on: no address of ours is older than that."""
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


@dataclass(frozen=True, slots=True)
class Reader:
    """One worker reading one chain under a lease. Every step of it raises LeaseLost once another has taken over."""

    container: Container
    chain: Chain
    generation: int
    by: Actor

    @property
    def name(self) -> str:
        """The chain's id."""
        return self.chain.rail.chain

    def catch_up(self, height: int, block_hash: str, tip: Tip) -> int:
        """Record every block from the cursor to the node's best one, undoing first what left the chain.

        Returns how many new deposits were sighted.
        """
        found = 0
        while (height, block_hash) != (tip.height, tip.hash):
            # No more than there are: a node looks for each, and a node that is paid for is paid for each.
            ahead = max(0, min(HASHES_PER_READ, tip.height - height))
            hashes = self.chain.block_hashes(height, ahead + 1)
            if not hashes or hashes[0] != block_hash:
                height, block_hash = self._walk_back(tip)
                continue
            if len(hashes) == 1:
                break
            try:
                found += self._record(hashes[1:], tip)
            except chains.ForkDetected:  # the chain was reorganised between two of the node's answers
                height, block_hash = self._walk_back(tip)
                continue
            height, block_hash = height + len(hashes) - 1, hashes[-1]
        return found

    def look_at_mempool(self, tip: Tip) -> int:
        """Record the unconfirmed transactions that this process has not looked at yet. Returns new deposits."""
        found = 0
        present = self.chain.mempool()
        looked_at = _looked_at.get(self.name, frozenset()) & present
        unknown = sorted(present - looked_at)[:MEMPOOL_PER_TURN]
        for start in range(0, len(unknown), MEMPOOL_PER_BATCH):
            some = unknown[start : start + MEMPOOL_PER_BATCH]
            transactions = list(self.chain.mempool_transactions(some).values())
            crash_point("deposit.mempool_read")
            with self.container.transaction() as session:
                found += chains.sight_mempool(
                    session, self.name, transactions, generation=self.generation, now=self.container.now(), by=self.by
                )
                crash_point("deposit.mempool_recording")
        _looked_at[self.name] = looked_at.union(unknown)
        self._give_up_on_missing(present, tip)
        return found

    def _give_up_on_missing(self, present: frozenset[str], tip: Tip) -> None:
        """Stop showing payments that have been missing from the mempool for a while, though no block took them."""
        with self.container.reading() as session:
            missing = own_deposits.awaiting_a_block(session, self.name) - present
        now = self.container.now()
        since = {txid: _missing_since.get(self.name, {}).get(txid, now) for txid in missing}
        _missing_since[self.name] = since
        gone = [txid for txid, at in since.items() if now - at >= MISSING_MAX]
        # Only if no block has come since: otherwise that block may be where they went.
        if gone and self.chain.tip().hash == tip.hash:
            with self.container.transaction() as session:
                count = chains.give_up_on(
                    session, self.name, gone, generation=self.generation, now=self.container.now(), by=self.by
                )
            log.info("payments_left_the_mempool", chain=self.name, deposits=count)

    def _record(self, hashes: list[str], tip: Tip) -> int:
        found = 0
        for batch in self._in_bounds(hashes):
            crash_point("deposit.block_read")
            with self.container.transaction() as session:
                found += chains.advance(
                    session,
                    self.name,
                    batch,
                    generation=self.generation,
                    tip_height=max(tip.height, batch[-1].height),
                    now=self.container.now(),
                    by=self.by,
                )
                crash_point("deposit.block_recording")
            crash_point("deposit.block_recorded")
            if batch[-1].height < tip.height:
                log.info("catching_up", chain=self.name, height=batch[-1].height, tip_height=tip.height)
        return found

    def _in_bounds(self, hashes: list[str]) -> Iterator[list[Block]]:
        """Read blocks in runs that hold about a bounded number of outputs, whatever size blocks have.

        Neither memory, nor a transaction, nor the time between two renewals of the lease then grows without end. The
        next run is read while the caller records this one. What to look for is asked after the hashes were, so that
        nothing which these blocks can hold of ours was stored later.
        """
        read = partial(self.chain.blocks, contracts=self._contracts(), senders=self._senders())
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as ahead:
            end = BLOCKS_AT_FIRST
            coming = ahead.submit(read, hashes[:end])
            while True:
                run = self._awaited(coming)
                outputs = sum(len(transaction.outputs) for block in run for transaction in block.transactions)
                count = max(1, min(BLOCKS_PER_BATCH, OUTPUTS_PER_BATCH * len(run) // max(outputs, 1)))
                following = hashes[end : end + count]
                end += count
                if following:
                    coming = ahead.submit(read, following)
                yield run
                if not following:
                    return

    def _awaited(self, coming: Future[list[Block]]) -> list[Block]:
        """What is being read; the lease is renewed meanwhile, or readers of a slow node would take turns for ever."""
        while not wait([coming], timeout=RENEWED_EVERY_S).done:
            with self.container.transaction() as session:
                chains.renew(session, self.name, generation=self.generation, now=self.container.now())
        return coming.result()

    def _contracts(self) -> Mapping[str, str]:
        with self.container.reading() as session:
            money = assets.by_contract(session, self.name)
        return {contract: asset.contract or "" for contract, asset in money.items() if contract}

    def _senders(self) -> frozenset[str]:
        if not self.chain.rail.has_accounts:
            return frozenset()
        with self.container.reading() as session:
            return own_payouts.senders(session, self.name)

    def _walk_back(self, tip: Tip) -> tuple[int, str]:
        """Undo what is no longer in the chain; returns the cursor, which is then on a block that the node has.

        Raises NodeLagging when whoever answers has not reached the cursor, on whichever branch: it is behind, and
        nothing is undone. Behind one address there may be several nodes, of which each knows another newest block.
        """
        with self.container.reading() as session:
            known = dict(chains.recent_hashes(session, self.name))
        lowest, highest = min(known), max(known)
        if tip.height < highest:
            raise NodeLagging(f"the node is at block {tip.height}, behind the cursor at {highest}")
        theirs = self.chain.block_hashes(lowest, highest - lowest + 1)
        if len(theirs) <= highest - lowest:
            raise NodeLagging(f"a node does not know {highest - lowest + 1 - len(theirs)} blocks up to {highest}")
        common = [lowest + place for place, found in enumerate(theirs) if known.get(lowest + place) == found]
        if not common:
            raise chains.ReorganisationTooDeep
        height = max(common)
        if height == highest:
            raise NodeLagging(f"nodes disagree about block {highest}, which the last one that was asked has")
        with self.container.transaction() as session:
            undone = chains.rewind(
                session, self.name, height, generation=self.generation, now=self.container.now(), by=self.by
            )
            crash_point("deposit.rewinding")
        crash_point("deposit.rewound")
        log.warning("chain_reorganised", chain=self.name, to_height=height, blocks_undone=undone)
        return height, known[height]


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

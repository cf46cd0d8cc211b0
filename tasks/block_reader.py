"""Read a chain's blocks from its cursor on: in bounded runs, and undoing what a reorganisation removed."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from domain.actor import Actor
from domain.chain_facts import Block, Tip
from domain.crash import crash_point
from domain.node_refusals import NodeLagging
from domain.ports import Chain
from services import assets, chains
from services import payouts as own_payouts
from wiring.container import Container

log = structlog.get_logger(__name__)

HASHES_PER_READ: Final = 2_000
BLOCKS_PER_BATCH: Final = 100
OUTPUTS_PER_BATCH: Final = 20_000
# The size of the first run, before it is known how full blocks are.
BLOCKS_AT_FIRST: Final = 4
# While a node is slow to answer, the lease on its chain is renewed this often.
RENEWED_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Reader:
    """One worker reading one chain under a lease. Every step raises LeaseLost once another worker has taken over."""

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
            # Ask for no more than there are: a node looks for each, and some charge for it.
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
        """Read blocks in runs that hold about a bounded number of outputs, however large blocks are.

        So memory, transactions and the time between two renewals of the lease stay bounded. The next run is read while
        the caller records this one. What to look for is read after the hashes, so that nothing stored later can be in
        these blocks.
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
        """The blocks being read.

        The lease is renewed meanwhile, or readers of a slow node would take turns for ever.
        """
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
        """Undo what left the chain; returns the cursor, which is then at a block that the node has.

        Raises NodeLagging when the node has not reached the cursor's height on any branch: it is behind, and nothing is
        undone. Behind one address there may be several nodes, each with its own newest block.
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

"""Follow a chain: a cursor of (height, hash) that moves in the same transaction as what was found."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import ClassVar, Final

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import Block, ChainTransaction
from domain.errors import StrongroomError, ensure
from models.chain import ChainBlock, ChainCursor
from services import alerts, audit, deposits, payouts, unread_tokens
from services.chains.cursors import LEASE, held, renew
from services.finality import UNDONE_MAX

REORG_DEPTH_MAX: Final = UNDONE_MAX
BLOCKS_KEPT: Final = 2 * REORG_DEPTH_MAX


class ForkDetected(StrongroomError):
    """The next block does not extend the last one read: the chain was reorganised."""

    code: ClassVar[str] = "fork_detected"


class ReorganisationTooDeep(StrongroomError):
    """The reorganisation is deeper than can be undone automatically."""

    code: ClassVar[str] = "reorganisation_too_deep"


def follow(
    session: Session, chain: str, *, height: int, hashes: Sequence[str], final_height: int | None = None, now: datetime
) -> None:
    """Begin to follow a chain after the block at this height; a chain that is followed already keeps its cursor.

    `hashes` are those of the newest blocks, ending with the one at `height`: they allow a reorganisation to be walked
    back below the block at which following began. Where the chain tells what is final, `final_height` is set from the
    start: otherwise depth alone would decide until the chain is first read to its tip.
    """
    begun = session.execute(
        upsert(ChainCursor)
        .values(
            chain=chain,
            height=height,
            hash=hashes[-1],
            tip_height=height,
            final_height=final_height,
            final_moved_at=None if final_height is None else now,
            backfilled_height=height,
            polled_at=now,
            advanced_at=now,
        )
        .on_conflict_do_nothing()
        .returning(ChainCursor.chain)
    ).all()
    if begun:
        alerts.clear(session, "chain_source_stale", scope=f"chain:{chain}", now=now, reason="the node answers")
        first = height - len(hashes) + 1
        _keep(session, chain, [(first + place, block_hash, now) for place, block_hash in enumerate(hashes)])


def recent_hashes(session: Session, chain: str) -> list[tuple[int, str]]:
    """The heights and hashes of the followed branch, newest first, as deep as can be undone."""
    rows = session.execute(
        select(ChainBlock.height, ChainBlock.hash)
        .join(ChainCursor, ChainCursor.chain == ChainBlock.chain)
        .where(ChainBlock.chain == chain, ChainBlock.height <= ChainCursor.height)
        .order_by(ChainBlock.height.desc())
        .limit(REORG_DEPTH_MAX + 1)
    )
    return [(row.height, row.hash) for row in rows]


def advance(
    session: Session,
    chain: str,
    blocks: Sequence[Block],
    *,
    generation: int,
    tip_height: int,
    now: datetime,
    by: Actor,
) -> int:
    """Record everything in these consecutive blocks and move the cursor to the last. Returns new deposits.

    Raises ForkDetected when the first block does not extend the cursor's, LeaseLost when another worker took over.
    """
    cursor = held(session, chain, generation)
    previous = cursor.hash
    for height, block in enumerate(blocks, start=cursor.height + 1):
        if block.previous_hash != previous:
            raise ForkDetected
        ensure(block.height == height, "a block was skipped")
        previous = block.hash
    _undo_other_branch(session, chain, blocks, now=now, by=by)
    deposits.tick(session, chain, blocks[-1].height, since=cursor.height, now=now)
    found = deposits.sight_blocks(session, chain, blocks, now=now, by=by)
    payouts.sight_blocks(session, chain, blocks, now=now, by=by)
    unread_tokens.note(session, chain, blocks, now=now)
    _keep(session, chain, [(block.height, block.hash, block.time) for block in blocks])
    session.execute(
        delete(ChainBlock).where(ChainBlock.chain == chain, ChainBlock.height < blocks[-1].height - BLOCKS_KEPT)
    )
    cursor.height, cursor.hash, cursor.tip_height = blocks[-1].height, blocks[-1].hash, tip_height
    cursor.advanced_at, cursor.lease_until = now, now + LEASE
    return found


def rewind(session: Session, chain: str, height: int, *, generation: int, now: datetime, by: Actor) -> int:
    """Rewind the cursor to this height of the followed branch and undo what was above.

    Returns how many blocks that were.
    """
    cursor = held(session, chain, generation)
    block_hash = session.scalar(select(ChainBlock.hash).where(ChainBlock.chain == chain, ChainBlock.height == height))
    if block_hash is None:
        raise ReorganisationTooDeep
    undone = cursor.height - height
    if undone == 0:
        return 0
    deposits.undo_above(session, chain, height, now=now, by=by)
    payouts.undo_above(session, chain, height, now=now, by=by)
    unread_tokens.undo_above(session, chain, height, now=now)
    session.execute(delete(ChainBlock).where(ChainBlock.chain == chain, ChainBlock.height > height))
    cursor.height, cursor.hash, cursor.advanced_at = height, block_hash, now
    audit.record(session, "chain.reorganised", by=by, now=now, detail={"chain": chain, "to": height, "blocks": undone})
    return undone


def sight_mempool(
    session: Session,
    chain: str,
    transactions: Sequence[ChainTransaction],
    *,
    generation: int,
    now: datetime,
    by: Actor,
) -> int:
    """Record what newly arrived in the mempool. Returns new deposits."""
    renew(session, chain, generation=generation, now=now)
    return deposits.sight_mempool(session, chain, transactions, now=now, by=by)


def give_up_on(
    session: Session, chain: str, txids: Collection[str], *, generation: int, now: datetime, by: Actor
) -> int:
    """Stop showing payments that are in neither the mempool nor a block. Returns how many deposits."""
    held(session, chain, generation)
    return deposits.give_up_on(session, chain, txids, now=now, by=by)


def _undo_other_branch(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime, by: Actor) -> None:
    """Undo what stood in other blocks at these heights: a cursor that was set back by hand may meet a new branch."""
    known = session.execute(
        select(ChainBlock.height, ChainBlock.hash).where(
            ChainBlock.chain == chain, ChainBlock.height.between(blocks[0].height, blocks[-1].height)
        )
    ).all()
    now_there = {block.height: block.hash for block in blocks}
    left = [height for height, block_hash in known if now_there[height] != block_hash]
    if left:
        deposits.undo_above(session, chain, min(left) - 1, now=now, by=by)
        payouts.undo_above(session, chain, min(left) - 1, now=now, by=by)
        unread_tokens.undo_above(session, chain, min(left) - 1, now=now)
        session.execute(delete(ChainBlock).where(ChainBlock.chain == chain, ChainBlock.height >= min(left)))


_KEEP = text(
    """
    INSERT INTO chain_blocks (chain, height, hash, mined_at)
    SELECT :chain, block.height, block.hash, block.mined_at
    FROM unnest(CAST(:heights AS bigint[]), CAST(:hashes AS text[]), CAST(:times AS timestamptz[]))
        AS block (height, hash, mined_at)
    ON CONFLICT (chain, height) DO UPDATE SET hash = excluded.hash, mined_at = excluded.mined_at
    """
)


def _keep(session: Session, chain: str, blocks: Sequence[tuple[int, str, datetime]]) -> None:
    """Remember these blocks (height, hash, time). After a cursor was set back by hand, some are known already."""
    heights, hashes, times = (list(column) for column in zip(*blocks, strict=True))
    session.execute(_KEEP, {"chain": chain, "heights": heights, "hashes": hashes, "times": times})

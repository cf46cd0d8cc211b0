"""Compare the token transfers of past blocks with our deposits, and take in any that were missed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import Block, TokenMovement
from domain.rails import RAILS
from models.chain import ChainBlock, ChainCursor, DepositAddress
from models.deposit import Deposit
from services import alerts, assets, deposits, unread_tokens

LOOKED_BACK_AT_FIRST: Final = timedelta(days=1)
# Where depth alone decides, newer blocks may still be reorganised: they are left to the next comparison.
SETTLED_DEPTH: Final = 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """The range of blocks to compare, and the contracts that count as money in them."""

    first_height: int
    last_height: int
    contracts: Mapping[str, str]


def due(session: Session, chain: str) -> Stretch | None:
    """The blocks that were read and settled since the last comparison; None when there is nothing to compare."""
    cursor = session.get(ChainCursor, chain)
    money = assets.by_contract(session, chain)
    contracts = {contract: asset.contract or "" for contract, asset in money.items() if contract}
    if cursor is None or not contracts:
        return None
    settled = cursor.height - SETTLED_DEPTH if cursor.final_height is None else cursor.final_height
    last = min(cursor.height, settled)
    a_while = LOOKED_BACK_AT_FIRST // RAILS[chain].block_interval
    first = max(0, cursor.height - a_while) if cursor.backfilled_height is None else cursor.backfilled_height + 1
    return Stretch(first, last, contracts) if first <= last else None


def missed(session: Session, chain: str, movements: Sequence[TokenMovement]) -> list[str]:
    """The hashes of the blocks in which one of our addresses was paid and no deposit was recorded, by height."""
    theirs = unread_tokens.paid_to_us(session, chain, movements)
    known = {
        (txid, bytes(script))
        for txid, script in session.execute(
            select(Deposit.txid, DepositAddress.script)
            .join(DepositAddress, DepositAddress.id == Deposit.address_id)
            .where(Deposit.chain == chain, Deposit.txid.in_({one.txid for one in theirs}))
        )
    }
    blocks = {one.block_height: one.block_hash for one in theirs if (one.txid, one.recipient) not in known}
    return [blocks[height] for height in sorted(blocks)]


def take_in(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime, by: Actor) -> int:
    """Record what was missed in these blocks. Returns how many deposits are new: none where events lied."""
    found = take_in_again(session, chain, blocks, now=now, by=by)
    if found:
        alerts.raise_alert(
            session,
            "chain_backfill_found",
            scope=f"block:{chain}:{blocks[0].height}",
            severity="warning",
            reason=f"{found} deposits on {chain} were missed when their blocks were read, and are taken in now",
            now=now,
            details={"deposits": found, "heights": [block.height for block in blocks]},
        )
    return found


def take_in_again(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime, by: Actor) -> int:
    """Record what these blocks, read once more, show beyond what is recorded. Returns how many deposits are new.

    A block that is not on the followed branch (any more) is left to the reader.
    """
    cursor = session.get_one(ChainCursor, chain, with_for_update=True, populate_existing=True)
    rows = session.execute(
        select(ChainBlock.height, ChainBlock.hash).where(
            ChainBlock.chain == chain, ChainBlock.height.in_([block.height for block in blocks])
        )
    )
    followed = {row.height: row.hash for row in rows}
    found = 0
    for block in blocks:
        if block.height <= cursor.height and followed.get(block.height, block.hash) == block.hash:
            found += deposits.sight_blocks(session, chain, [block], now=now, by=by)
            unread_tokens.note(session, chain, [block], now=now)
    return found


def done(session: Session, chain: str, last_height: int) -> None:
    """Remember how far was compared; another process may have got further meanwhile."""
    cursor = session.get_one(ChainCursor, chain, with_for_update=True, populate_existing=True)
    cursor.backfilled_height = max(last_height, cursor.backfilled_height or 0)

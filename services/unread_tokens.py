"""Token payments whose received amount could not be read: recorded by block, and read again until it can."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from domain.chain_facts import Block, ChainOutput, ChainTransaction, TokenMovement
from domain.wallet_facts import Holding
from models.chain import ChainCursor, DepositAddress, UnreadToken
from services import alerts, leases, sweeps

ALERT = "token_unreadable"
BLOCKS_PER_TURN = 20

Holder = tuple[str, bytes]
"""A token's contract, and an address of ours as bytes."""


def paid_to_us(session: Session, chain: str, movements: Sequence[TokenMovement]) -> list[TokenMovement]:
    """Those of these transfers that went to an issued address of ours."""
    if not movements:
        return []
    ours = set(
        session.scalars(
            select(DepositAddress.script).where(
                DepositAddress.chain == chain,
                DepositAddress.script.in_({one.recipient for one in movements}),
                DepositAddress.user_id.is_not(None),
            )
        )
    )
    return [one for one in movements if one.recipient in ours]


def note(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime) -> None:
    """Record which tokens of these blocks could not be read, and forget those that now could.

    Raises an alert for each new contract, and clears that of a contract of which no block is left.
    """
    told = paid_to_us(session, chain, [one for block in blocks for one in block.set_aside])
    unread = {(one.block_hash, one.contract): one for one in told}
    hashes = [block.hash for block in blocks]
    query = select(UnreadToken).where(UnreadToken.chain == chain, UnreadToken.block_hash.in_(hashes)).with_for_update()
    standing = {(row.block_hash, row.contract): row for row in session.scalars(query)}
    for key, row in standing.items():
        if key in unread:
            row.attempts += 1
            row.reason, row.due_at = unread[key].reason, now + leases.back_off(row.attempts)
        else:
            session.delete(row)
    for key in unread.keys() - standing.keys():
        _remember(session, chain, unread[key], now=now)
    session.flush()
    told_now = {contract for _, contract in standing.keys() - unread.keys()}
    _clear(session, chain, told_now, reason="it says again what arrived", now=now)


def holders(session: Session, chain: str, block: Block) -> dict[Holder, str]:
    """Our addresses that were paid in tokens that could not be read in this block, by (contract, address as bytes)."""
    ours = paid_to_us(session, chain, block.set_aside)
    rows = session.execute(
        select(DepositAddress.script, DepositAddress.address).where(
            DepositAddress.chain == chain, DepositAddress.script.in_({one.recipient for one in ours})
        )
    )
    spelled = {bytes(row.script): row.address for row in rows}
    return {(one.contract, one.recipient): spelled[one.recipient] for one in ours}


def believed(session: Session, chain: str, block: Block, held: Mapping[Holder, Holding]) -> Block:
    """The block, with those of its unread payments that the present balance proves.

    A token that was unreadable in a block stays so for that block, but the address's balance may be readable now: a
    payment counts as reported if the address holds that much beyond what is recorded. Only a balance read at the very
    block of the cursor counts (`Holding.unswept_minor`): a payment that was not read yet would prove another one. Locks
    the cursor.
    """
    cursor = session.get_one(ChainCursor, chain, with_for_update=True, populate_existing=True)
    proved: list[TokenMovement] = []
    for holder, holding in held.items():
        told = [one for one in block.set_aside if (one.contract, one.recipient) == holder]
        contract, script = holder
        spare_minor = holding.unswept_minor - sweeps.unswept_minor(session, chain, script, contract)
        if holding.hash == cursor.hash and spare_minor >= sum(one.amount_minor for one in told):
            proved += told
    outputs = {one: ChainOutput(one.vout, one.recipient, one.amount_minor, one.contract) for one in proved}
    told_now = tuple(ChainTransaction(one.txid, (output,), (), is_coinbase=False) for one, output in outputs.items())
    still = tuple(one for one in block.set_aside if one not in outputs)
    return replace(block, transactions=(*block.transactions, *told_now), set_aside=still)


def due(session: Session, chain: str, *, now: datetime) -> list[str]:
    """The hashes of the blocks to read again now, longest overdue first."""
    rows = session.execute(
        select(UnreadToken.block_hash, UnreadToken.due_at)
        .where(UnreadToken.chain == chain, UnreadToken.due_at <= now)
        .order_by(UnreadToken.due_at)
        .limit(BLOCKS_PER_TURN)
    )
    return list(dict.fromkeys(row.block_hash for row in rows))


def undo_above(session: Session, chain: str, height: int, *, now: datetime) -> None:
    """Forget what was recorded of blocks above this height: a reorganisation removed them."""
    left = session.scalars(
        delete(UnreadToken)
        .where(UnreadToken.chain == chain, UnreadToken.block_height > height)
        .returning(UnreadToken.contract)
    )
    _clear(session, chain, set(left), reason="its block left the chain", now=now)


def _remember(session: Session, chain: str, one: TokenMovement, *, now: datetime) -> None:
    session.add(
        UnreadToken(
            chain=chain,
            block_hash=one.block_hash,
            contract=one.contract,
            block_height=one.block_height,
            reason=one.reason,
            found_at=now,
            due_at=now + leases.back_off(0),
            attempts=0,
        )
    )
    alerts.raise_alert(
        session,
        ALERT,
        scope=f"token:{chain}:{one.contract}",
        severity="warning",
        reason=f"the token {one.contract} on {chain} does not say what arrived: its payments wait, uncredited",
        now=now,
        tx_hash=one.txid,
        details={"contract": one.contract, "height": one.block_height, "error": one.reason},
    )


def _clear(session: Session, chain: str, contracts: Collection[str], *, reason: str, now: datetime) -> None:
    for contract in sorted(contracts):
        of_it = exists().where(UnreadToken.chain == chain, UnreadToken.contract == contract)
        if not session.scalar(select(of_it)):
            alerts.clear(session, ALERT, scope=f"token:{chain}:{contract}", now=now, reason=reason)

"""Record incoming money that a provider reports: deposits like a chain's, with a page standing for a block."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import Block, ChainOutput, ChainTransaction
from domain.provider_facts import IncomingTransfer
from models.deposit import Deposit
from services.deposits.sighting import give_up_on, sight_blocks, sight_mempool
from services.deposits.undoing import undo


def sight_transfers(
    session: Session,
    chain: str,
    transfers: Sequence[IncomingTransfer],
    *,
    page: int,
    credits_pending: bool,
    now: datetime,
    by: Actor,
) -> int:
    """Record these transfers, whether or not they are known. Returns how many deposits are new.

    What is final (or may be credited before) is in the page with this number, as a payment is in a block. What failed
    is undone: if it was credited, it is taken back from its owner, or carried by suspense.
    """
    last = {transfer.transfer_id: transfer for transfer in transfers}
    failed = [transfer_id for transfer_id, transfer in last.items() if transfer.state == "failed"]
    undo(session, chain, failed, now=now, by=by)
    give_up_on(session, chain, failed, now=now, by=by)
    known = _in_a_page(session, chain, last)
    fresh = [transfer for transfer_id, transfer in last.items() if transfer_id not in known]
    settled = [transfer for transfer in fresh if _counts(transfer, credits_pending=credits_pending)]
    waiting = [_transaction(transfer) for transfer in fresh if transfer.state == "pending" and transfer not in settled]
    block = Block(page, f"page:{page}", f"page:{page - 1}", now, tuple(_transaction(transfer) for transfer in settled))
    found = sight_blocks(session, chain, [block], now=now, by=by) if settled else 0
    return found + (sight_mempool(session, chain, waiting, now=now, by=by) if waiting else 0)


def _counts(transfer: IncomingTransfer, *, credits_pending: bool) -> bool:
    return transfer.state == "final" or (transfer.state == "pending" and credits_pending)


def _in_a_page(session: Session, chain: str, transfer_ids: Sequence[str] | dict[str, IncomingTransfer]) -> set[str]:
    return set(
        session.scalars(
            select(Deposit.txid).where(
                Deposit.chain == chain, Deposit.txid.in_(list(transfer_ids)), Deposit.block_height.is_not(None)
            )
        )
    )


def _transaction(transfer: IncomingTransfer) -> ChainTransaction:
    output = ChainOutput(0, transfer.address.encode(), transfer.amount_minor, transfer.contract)
    return ChainTransaction(transfer.transfer_id, (output,), (), is_coinbase=False)

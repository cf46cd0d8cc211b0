"""Notice from other transactions in blocks that a payment of ours can never confirm."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, select
from sqlalchemy.orm import Session, aliased

from domain.actor import Actor
from domain.chain_facts import Block, OutPoint
from models.deposit import Deposit
from models.payout import Payout, PayoutInput, PayoutTransaction
from services.payouts.doubting import doubt
from services.payouts.reading import locked

UNCONFIRMED = ("signed", "broadcast", "uncertain")


def doubt_conflicted(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime, by: Actor) -> None:
    """Mark the payments of which other transactions in these blocks spend an input, or make one impossible."""
    rows = session.execute(
        select(PayoutInput.txid, PayoutInput.vout, PayoutInput.payout_id)
        .join(Payout, Payout.id == PayoutInput.payout_id)
        .where(Payout.chain == chain, Payout.state.in_(UNCONFIRMED))
    )
    at_stake: dict[OutPoint, set[UUID]] = defaultdict(set)
    for txid, vout, payout_id in rows:
        at_stake[OutPoint(txid, vout)].add(payout_id)
    for spent, payout_id in _below_deposits(session, chain):
        at_stake[spent].add(payout_id)
    if not at_stake:
        return
    spenders = {
        payout_id: (transaction.txid, block.height)
        for block in blocks
        for transaction in block.transactions
        for spent in transaction.spends
        if spent in at_stake
        for payout_id in at_stake[spent]
    }
    for payout in locked(session, spenders):
        payout.conflicted_by, payout.conflict_height = spenders[payout.id]
        reason = f"{payout.conflicted_by} in block {payout.conflict_height} spends its inputs"
        doubt(session, payout, code="conflicted", reason=reason, now=now, by=by)


def doubt_orphaned(session: Session, chain: str, *, now: datetime, by: Actor) -> None:
    """Mark payments that spend the change of a payment of ours which confirmed in another form, or never will.

    That output will never exist, so no block will ever show another spender of it: this is the only proof there is.
    """
    parent = aliased(Payout)
    is_in_other_form = parent.block_height.is_not(None) & (parent.txid != PayoutTransaction.txid)
    rows = session.execute(
        select(
            Payout.id,
            case((is_in_other_form, parent.txid), else_=parent.conflicted_by),
            case((is_in_other_form, parent.block_height), else_=parent.conflict_height),
        )
        .join(PayoutInput, PayoutInput.payout_id == Payout.id)
        .join(
            PayoutTransaction,
            (PayoutTransaction.chain == PayoutInput.chain) & (PayoutTransaction.txid == PayoutInput.txid),
        )
        .join(parent, parent.id == PayoutTransaction.payout_id)
        .where(
            Payout.chain == chain,
            Payout.state.in_(UNCONFIRMED),
            Payout.conflicted_by.is_(None),
            is_in_other_form | parent.conflicted_by.is_not(None),
        )
    )
    orphaned = {payout_id: (txid, height) for payout_id, txid, height in rows}
    for payout in locked(session, orphaned):
        payout.conflicted_by, payout.conflict_height = orphaned[payout.id]
        reason = f"it spends change that {payout.conflicted_by} in block {payout.conflict_height} made impossible"
        doubt(session, payout, code="conflicted", reason=reason, now=now, by=by)


def _below_deposits(session: Session, chain: str) -> Iterator[tuple[OutPoint, UUID]]:
    """The inputs of unconfirmed deposits that payments of ours spend in turn, each with that payment.

    Another transaction that spends one of them in a block makes the deposit impossible, and our payment with it.
    """
    rows = session.execute(
        select(Deposit.spends, PayoutInput.payout_id)
        .join(
            PayoutInput,
            (PayoutInput.chain == Deposit.chain)
            & (PayoutInput.txid == Deposit.txid)
            & (PayoutInput.vout == Deposit.vout),
        )
        .join(Payout, Payout.id == PayoutInput.payout_id)
        .where(Payout.chain == chain, Payout.state.in_(UNCONFIRMED), Deposit.block_height.is_(None))
    )
    for spends, payout_id in rows:
        for spelled in spends:
            txid, _, vout = spelled.partition(":")
            yield OutPoint(txid, int(vout)), payout_id

"""Record payments to our addresses as the mempool and the blocks show them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import COINBASE_MATURITY, Block, ChainTransaction
from domain.errors import ensure
from domain.flows import DEPOSIT
from domain.ids import new_id
from models.asset import Asset
from models.deposit import Deposit
from services import flows, outbox
from services.assets import by_contract, confirmations_needed
from services.deposits import observations
from services.deposits.depth import deepen
from services.deposits.matching import Paid, match

# States of deposits in no block, which another transaction that spends their inputs replaces.
UNBLOCKED = ("seen", "reorged", "below_minimum", "quarantined")


@dataclass(slots=True)
class _Changes:
    """The changes of one look at the chain, collected so that a few statements write them."""

    opened: list[tuple[Deposit, flows.Opening]] = field(default_factory=list)
    steps: list[flows.Step] = field(default_factory=list)
    observed: list[tuple[Deposit, str, int]] = field(default_factory=list)

    def write(self, session: Session, *, source: str, now: datetime, by: Actor) -> None:
        flow_ids = flows.open_many(session, [opening for _, opening in self.opened], now=now, by=by)
        for (deposit, _), flow_id in zip(self.opened, flow_ids, strict=True):
            deposit.flow_id = flow_id
        session.add_all([deposit for deposit, _ in self.opened])
        flows.record_many(session, self.steps, now=now, by=by)
        session.flush()
        observations.append(session, self.observed, source=source, now=now)
        if self.opened or self.steps:
            outbox.promise(session, "deposits.credit", now=now)


def sight_mempool(
    session: Session, chain: str, transactions: Sequence[ChainTransaction], *, now: datetime, by: Actor
) -> int:
    """Record unconfirmed payments, and which deposits they replace. Returns how many deposits are new."""
    changes = _Changes()
    _replace(session, chain, transactions, changes, now=now)
    paid = match(session, chain, transactions, by_contract(session, chain))
    known = _known(session, chain, paid)
    for output in paid:
        deposit = known.get((output.transaction.txid, output.vout))
        if deposit is None:
            deposit = _new(output, None, changes, now=now)
            changes.observed.append((deposit, "mempool", 0))
        elif deposit.state in {"reorged", "replaced"}:
            deposit.replaced_by = None
            _step(deposit, _again(output.asset, deposit, "seen"), {"txid": deposit.txid}, changes, now=now)
            changes.observed.append((deposit, "mempool", 0))
    changes.write(session, source="mempool", now=now, by=by)
    return len(changes.opened)


def sight_blocks(session: Session, chain: str, blocks: Sequence[Block], *, now: datetime, by: Actor) -> int:
    """Record payments in these blocks, which extend what was read. Returns how many deposits are new."""
    changes = _Changes()
    transactions = [transaction for block in blocks for transaction in block.transactions]
    home = {transaction.txid: block for block in blocks for transaction in block.transactions}
    _replace(session, chain, transactions, changes, now=now)
    paid = match(session, chain, transactions, by_contract(session, chain))
    known = _known(session, chain, paid)
    placed = []
    for output in paid:
        block = home[output.transaction.txid]
        deposit = known.get((output.transaction.txid, output.vout))
        if deposit is None:
            deposit = _new(output, block, changes, now=now)
        elif deposit.block_hash == block.hash:
            continue
        else:
            ensure(deposit.block_hash is None, f"deposit {deposit.id} is in two blocks of one branch")
            deposit.block_height, deposit.block_hash = block.height, block.hash
            if deposit.state in {"seen", "reorged", "replaced"}:
                deposit.replaced_by = None
                _step(deposit, _again(output.asset, deposit, "confirming"), _place(block), changes, now=now)
        placed.append((deposit, output.asset, blocks[-1].height - block.height + 1))
    deepen(session, [(deposit, asset) for deposit, asset, _ in placed])
    changes.observed += [(deposit, _status(deposit, depth), depth) for deposit, _, depth in placed]
    changes.write(session, source="block", now=now, by=by)
    return len(changes.opened)


def awaiting_a_block(session: Session, chain: str) -> frozenset[str]:
    """The transactions of deposits that are shown as coming in and are in no block."""
    return frozenset(
        session.scalars(
            select(Deposit.txid).where(
                Deposit.chain == chain, Deposit.block_height.is_(None), Deposit.state.in_(UNBLOCKED)
            )
        )
    )


def give_up_on(session: Session, chain: str, txids: Collection[str], *, now: datetime, by: Actor) -> int:
    """Stop showing payments that are in neither the mempool nor a block any more. Returns how many deposits.

    They were evicted, or spend an output of a payment that was replaced. One that appears again counts again.
    """
    gone = session.scalars(
        select(Deposit)
        .where(
            Deposit.chain == chain,
            Deposit.txid.in_(txids),
            Deposit.block_height.is_(None),
            Deposit.state.in_(UNBLOCKED),
        )
        .order_by(Deposit.id)
        .with_for_update()
    ).all()
    changes = _Changes()
    for deposit in gone:
        _step(deposit, "replaced", {"left_the_mempool": True}, changes, now=now)
        changes.observed.append((deposit, "replaced", 0))
    changes.write(session, source="mempool", now=now, by=by)
    return len(gone)


def tick(session: Session, chain: str, height: int, *, since: int, now: datetime) -> None:
    """Append the new number of confirmations of every deposit that still lacked some at height `since`.

    Deposits that had enough by then only wait to be credited; those in later blocks are recorded when sighted.
    """
    waiting = session.scalars(
        select(Deposit).where(
            Deposit.chain == chain,
            Deposit.state == "confirming",
            Deposit.block_height <= since,
            Deposit.block_height + Deposit.confirmations_needed - 1 > since,
        )
    ).all()
    counted = [(deposit, height - (deposit.block_height or height) + 1) for deposit in waiting]
    observations.append(
        session,
        [(deposit, _status(deposit, depth), depth) for deposit, depth in counted],
        source="block",
        now=now,
    )


def _known(session: Session, chain: str, paid: Sequence[Paid]) -> Mapping[tuple[str, int], Deposit]:
    if not paid:
        return {}
    keys = sorted({(output.transaction.txid, output.vout) for output in paid})
    rows = session.scalars(
        select(Deposit)
        .where(Deposit.chain == chain, tuple_(Deposit.txid, Deposit.vout).in_(keys))
        .order_by(Deposit.id)
        .with_for_update()
    )
    return {(row.txid, row.vout): row for row in rows}


def _new(output: Paid, block: Block | None, changes: _Changes, *, now: datetime) -> Deposit:
    asset = output.asset
    state = _state(asset, output.amount_minor, "seen" if block is None else "confirming")
    needed = confirmations_needed(asset, output.amount_minor)
    deposit = Deposit(
        id=new_id(),
        chain=asset.chain,
        txid=output.transaction.txid,
        vout=output.vout,
        asset_id=asset.asset_id,
        user_id=output.user_id,
        address_id=output.address_id,
        address=output.address,
        amount_minor=output.amount_minor,
        state=state,
        confirmations_needed=max(needed, COINBASE_MATURITY) if output.transaction.is_coinbase else needed,
        block_height=block.height if block else None,
        block_hash=block.hash if block else None,
        spends=[f"{spent.txid}:{spent.vout}" for spent in output.transaction.spends],
        replaced_by=None,
        first_seen_at=now,
        state_changed_at=now,
        credited_at=None,
        credit_transaction_id=None,
        times_credited=0,
        in_suspense=False,
        is_quarantined=False,
    )
    detail = {
        "txid": deposit.txid,
        "vout": deposit.vout,
        "address": deposit.address,
        **(_place(block) if block else {}),
    }
    opening = flows.Opening(DEPOSIT, state, output.user_id, asset.asset_id, output.amount_minor, detail)
    changes.opened.append((deposit, opening))
    return deposit


def _replace(
    session: Session, chain: str, transactions: Iterable[ChainTransaction], changes: _Changes, *, now: datetime
) -> None:
    """Mark the unconfirmed deposits of which another transaction among these spends an input."""
    waiting = session.execute(
        select(Deposit.id, Deposit.txid, Deposit.spends).where(
            Deposit.chain == chain, Deposit.block_height.is_(None), Deposit.state.in_(UNBLOCKED)
        )
    ).all()
    if not waiting:
        return
    spender = {
        f"{spent.txid}:{spent.vout}": transaction.txid for transaction in transactions for spent in transaction.spends
    }
    replaced_by = {
        deposit_id: spender[spent]
        for deposit_id, txid, spends in waiting
        for spent in spends
        if spender.get(spent, txid) != txid
    }
    for deposit in _unblocked(session, replaced_by):
        deposit.replaced_by = replaced_by[deposit.id]
        _step(deposit, "replaced", {"replaced_by": deposit.replaced_by}, changes, now=now)
        changes.observed.append((deposit, "replaced", 0))


def _unblocked(session: Session, deposit_ids: Collection[UUID]) -> Sequence[Deposit]:
    """Those of these deposits that are in no block, locked."""
    if not deposit_ids:
        return []
    return session.scalars(
        select(Deposit)
        .where(Deposit.id.in_(deposit_ids), Deposit.block_height.is_(None), Deposit.state.in_(UNBLOCKED))
        .order_by(Deposit.id)
        .with_for_update()
    ).all()


def _state(asset: Asset, amount_minor: int, state: str) -> str:
    """The state of a payment that is seen or confirming; "below_minimum" if it is too small to be credited."""
    return "below_minimum" if amount_minor < asset.minimum_deposit_minor else state


def _again(asset: Asset, deposit: Deposit, state: str) -> str:
    """The state of a payment that comes back: still quarantined, or too small, if it was before."""
    if deposit.is_quarantined:
        return "quarantined"
    return _state(asset, deposit.amount_minor, state) if deposit.state == "replaced" else state


def _status(deposit: Deposit, depth: int) -> str:
    return "confirmed" if depth >= deposit.confirmations_needed else "confirming"


def _step(deposit: Deposit, state: str, detail: Mapping[str, Any], changes: _Changes, *, now: datetime) -> None:
    changes.steps.append(flows.Step(deposit.flow_id, DEPOSIT, deposit.state, state, detail))
    deposit.state = state
    deposit.state_changed_at = now


def _place(block: Block) -> dict[str, Any]:
    return {"block_height": block.height, "block_hash": block.hash}

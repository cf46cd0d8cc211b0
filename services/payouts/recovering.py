"""After a restore from an older dump: find what the wallet sent that the books do not know, and book it once."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError, ensure
from domain.flows import WITHDRAWAL, WrongState
from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from domain.rails import RAILS
from domain.wallet_facts import SentTransaction, SignedPayment
from models.asset import Asset
from models.chain import ChainCursor
from models.ledger import LedgerTransaction
from models.payout import Payout, PayoutInput, PayoutTransaction
from models.withdrawal import Withdrawal
from services import alerts, assets, audit, flows, ledger
from services.payouts.reading import CLOSED, advance, forms_of, one, withdrawals_of
from services.payouts.signing import add_form, take_inputs

WAITING = ("pending_approval", "approved")


class AlreadyBooked(StrongroomError):
    """The ledger already has this transaction."""

    code: ClassVar[str] = "already_booked"


class NotThesePayments(StrongroomError):
    """The transaction does not pay exactly these withdrawals: each its amount to its destination, and nobody else."""

    code: ClassVar[str] = "not_these_payments"


def unbooked(session: Session, chain: str, sent: Collection[SentTransaction]) -> list[SentTransaction]:
    """Those of a wallet's transactions that paid others and belong to no payout or charge."""
    return [row for row in unknown(session, chain, sent) if row.outputs]


def unknown(session: Session, chain: str, sent: Collection[SentTransaction]) -> list[SentTransaction]:
    """The same including those that paid nobody: on a chain of accounts they cost a fee."""
    txids = [one_.txid for one_ in sent]
    stored = session.scalars(
        select(PayoutTransaction.txid).where(PayoutTransaction.chain == chain, PayoutTransaction.txid.in_(txids))
    )
    charged = session.scalars(
        select(LedgerTransaction.idempotency_key).where(
            LedgerTransaction.idempotency_key.in_([key_of(chain, txid) for txid in txids])
        )
    )
    known, keys = set(stored), set(charged)
    return [row for row in sent if row.txid not in known and key_of(chain, row.txid) not in keys]


def claimants(session: Session, chain: str, sent: SentTransaction) -> Sequence[Withdrawal]:
    """The withdrawals that this transaction seems to have paid, one for each output if there is one.

    Approved ones come first, then the oldest. Which of several identical ones is taken makes no difference: each is
    paid once in the end. For another form of a stored payment, they are the ones it carries.
    """
    payout_id = payout_of(session, chain, sent)
    if payout_id is not None:
        return withdrawals_of(session, payout_id)
    waiting = session.scalars(
        select(Withdrawal)
        .where(
            Withdrawal.chain == chain,
            Withdrawal.state.in_(WAITING),
            Withdrawal.destination.in_([output.address for output in sent.outputs]),
        )
        .order_by(Withdrawal.id)
    ).all()
    left = [(output.address, output.amount_minor, output.contract) for output in sent.outputs]
    contracts = {asset.asset_id: asset.contract or "" for asset in assets.of_chain(session, chain)}
    found = []
    # What was approved in the dump already was paid before what was not.
    for withdrawal in sorted(waiting, key=lambda row: row.state != "approved"):
        wanted = (withdrawal.destination, withdrawal.amount_minor, contracts[withdrawal.asset_id])
        if wanted in left:
            left.remove(wanted)
            found.append(withdrawal)
    return found


def adopt(
    session: Session,
    chain: str,
    sent: SentTransaction,
    withdrawal_ids: Sequence[UUID],
    *,
    now: datetime,
    by: Actor,
) -> Payout:
    """Book a transaction as the payment of these withdrawals: from here on it is followed like any other payout.

    If a stored payout spends the same inputs, the transaction becomes another form of it, such as a fee bump or, on a
    chain of accounts, a cancellation. Nothing is sent. Raises AlreadyBooked, NotThesePayments, WrongState, InputsTaken.
    """
    if not unknown(session, chain, [sent]):
        raise AlreadyBooked
    payout_id = payout_of(session, chain, sent)
    carried = _waiting(session, withdrawal_ids) if payout_id is None else withdrawals_of(session, payout_id)
    pays_nobody = payout_id is not None and not sent.outputs
    signed = as_signed(sent, ()) if pays_nobody else _as_paid(session, sent, carried)
    if payout_id is None:
        payout = _new_payout(session, chain, carried, sent, now=now)
    else:
        payout = one(session, payout_id)
        if {row.id for row in carried} != set(withdrawal_ids) or payout.state in CLOSED:
            raise NotThesePayments(f"it spends the inputs of payout {payout_id}, which is {payout.state}")
    cancels = pays_nobody and sent.succeeded
    add_form(session, payout, signed, form=1 + len(forms_of(session, payout.id)), is_cancellation=cancels, now=now)
    if payout_id is None:
        _go_on(session, payout, carried, sent.txid, now=now, by=by)
    if payout.conflicted_by == sent.txid:  # a worker that ran before this took it for a stranger's
        payout.conflicted_by = payout.conflict_height = None
    place(session, payout, sent, now=now, by=by)
    payout.due_at = now
    detail = {"txid": sent.txid, "payout_id": str(payout.id), "withdrawals": [str(row.id) for row in carried]}
    audit.record(session, "payout.recovered", by=by, now=now, detail=detail)
    session.flush()
    return payout


def charge(
    session: Session,
    asset: Asset,
    sent: SentTransaction,
    *,
    user_id: UUID | None,
    reason: str,
    now: datetime,
    by: Actor,
) -> int:
    """Book a final transaction that no withdrawal explains: against a user's balance, or as an expense of the house.

    Returns the ledger transaction. Raises AlreadyBooked, WrongState while it has too few confirmations, and
    InsufficientFunds where the user's balance does not cover it.
    """
    if not unbooked(session, asset.chain, [sent]):
        raise AlreadyBooked
    needed = assets.policy(session, asset.asset_id).confirmations
    if sent.confirmations < needed:
        raise WrongState(f"it has {sent.confirmations} of {needed} confirmations; what is not final is not booked")
    if payout_of(session, asset.chain, sent) is not None:
        raise NotThesePayments("it spends the inputs of a stored payout: it is another form of that payment")
    hot_wallet = ledger.system_account(session, "hot_wallet", asset.asset_id)
    bearer = (
        ledger.system_account(session, "unexplained_payments", asset.asset_id)
        if user_id is None
        else ledger.user_account(session, user_id, asset.asset_id)
    )
    legs = [Transfer(bearer, hot_wallet, sum(output.amount_minor for output in sent.outputs))]
    if sent.fee_minor:
        fees = ledger.system_account(session, "network_fees", asset.asset_id)
        legs.append(Transfer(fees, hot_wallet, sent.fee_minor))
    key = key_of(asset.chain, sent.txid)
    outcome = ledger.post_one(session, Transaction(key, "recovered_payment", tuple(legs), effective_at=now))
    detail = {"txid": sent.txid, "user_id": str(user_id) if user_id else None, "reason": reason}
    audit.record(session, "payout.charged", by=by, now=now, detail=detail)
    return outcome.transaction_id


def key_of(chain: str, txid: str) -> str:
    """The ledger key of a transaction that no withdrawal explains."""
    return f"recovered:{chain}:{txid}"


def payout_of(session: Session, chain: str, sent: SentTransaction) -> UUID | None:
    """The stored payout that spends one of this transaction's inputs: both cannot confirm.

    A payout that failed because of this transaction is over: the transaction is no form of it.
    """
    return session.scalars(
        select(PayoutInput.payout_id)
        .join(Payout, Payout.id == PayoutInput.payout_id)
        .where(
            PayoutInput.chain == chain,
            tuple_(PayoutInput.txid, PayoutInput.vout).in_(sent.inputs),
            Payout.state != "failed",
        )
        .limit(1)
    ).first()


def _waiting(session: Session, withdrawal_ids: Sequence[UUID]) -> Sequence[Withdrawal]:
    rows = session.scalars(
        select(Withdrawal).where(Withdrawal.id.in_(withdrawal_ids)).order_by(Withdrawal.id).with_for_update()
    ).all()
    for row in rows:
        if row.state not in WAITING:
            raise WrongState(
                f"withdrawal {row.id} is {row.state}; only one that waits can have been paid unknown to us"
            )
    return rows


def _as_paid(session: Session, sent: SentTransaction, withdrawals: Sequence[Withdrawal]) -> SignedPayment:
    """The transaction as the payment of these withdrawals, in their order. Raises NotThesePayments."""
    left = list(sent.outputs)
    vouts = []
    for row in withdrawals:
        wanted = (row.destination, row.amount_minor, assets.get(session, row.asset_id).contract or "")
        match = next((out for out in left if (out.address, out.amount_minor, out.contract) == wanted), None)
        if match is None:
            raise NotThesePayments(f"no output of {sent.txid} pays withdrawal {row.id}")
        left.remove(match)
        vouts.append(match.vout)
    if left or not vouts:
        raise NotThesePayments(f"{sent.txid} also pays {', '.join(out.address for out in left) or 'nobody'}")
    return as_signed(sent, vouts)


def as_signed(sent: SentTransaction, vouts: Sequence[int]) -> SignedPayment:
    """The transaction as one that we signed, with its payments at these outputs.

    Raises NotThesePayments without its bytes.
    """
    if not sent.raw_tx:
        raise NotThesePayments(
            f"the bytes of {sent.txid} are not known: should it leave its block, nobody could resend it"
        )
    return SignedPayment(
        sent.txid, sent.raw_tx, sent.fee_minor, sent.vsize, sent.inputs, tuple(vouts), sent.change_vout
    )


def _new_payout(
    session: Session, chain: str, withdrawals: Sequence[Withdrawal], sent: SentTransaction, *, now: datetime
) -> Payout:
    if not withdrawals:
        raise NotThesePayments(f"no withdrawal was named that {sent.txid} pays")
    payout = Payout(
        id=new_id(),
        chain=chain,
        asset_id=withdrawals[0].asset_id,
        fee_asset_id=RAILS[chain].fee_asset_id(withdrawals[0].asset_id),
        purpose="withdrawal",
        state="signed",
        created_at=now,
        state_changed_at=now,
        lease_generation=0,
        attempts=0,
    )
    session.add(payout)
    session.flush()
    take_inputs(session, payout, sent.inputs)
    return payout


def _go_on(
    session: Session, payout: Payout, withdrawals: Sequence[Withdrawal], txid: str, *, now: datetime, by: Actor
) -> None:
    """Move waiting withdrawals to the state they had before the restore, recording each step."""
    detail = {"payout_id": str(payout.id), "txid": txid, "recovered": True}
    waited = [row for row in withdrawals if row.state == "pending_approval"]
    agreed = [flows.Step(row.flow_id, WITHDRAWAL, row.state, "approved", {"recovered": True}) for row in waited]
    flows.record_many(session, agreed, now=now, by=by)
    signed = [flows.Step(row.flow_id, WITHDRAWAL, "approved", "signed", detail) for row in withdrawals]
    flows.record_many(session, signed, now=now, by=by)
    for row in withdrawals:
        row.state, row.state_changed_at, row.payout_id, row.waiting_reason = "signed", now, payout.id, None
        row.lease_owner = row.lease_until = row.due_at = None
        row.lease_generation += 1
    session.flush()
    advance(session, payout, "broadcast", {"txid": txid, "recovered": True}, now=now, by=by)


def place(session: Session, payout: Payout, sent: SentTransaction, *, now: datetime, by: Actor) -> None:
    """Record its block if the cursor has passed it already; otherwise reading on will find it."""
    cursor = session.get(ChainCursor, payout.chain, with_for_update=True)
    ensure(cursor is not None, "a chain that is not followed has no payouts to recover")
    if cursor is None or sent.block_height is None or sent.block_height > cursor.height:
        return
    payout.txid, payout.block_height, payout.block_hash = sent.txid, sent.block_height, sent.block_hash
    payout.reason = None
    if not sent.succeeded or not sent.outputs:
        payout.void_because = "cancelled" if sent.succeeded else "reverted"
    alerts.clear(session, "withdrawal_uncertain", scope=f"payout:{payout.id}", now=now, reason="it is in a block")
    detail = {"txid": sent.txid, "block_height": sent.block_height, "block_hash": sent.block_hash, "recovered": True}
    advance(session, payout, "confirming", detail, now=now, by=by)

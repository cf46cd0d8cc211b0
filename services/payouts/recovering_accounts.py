"""The same for a chain of accounts, where only blocks remember what an account has sent."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from domain.ledger import Transaction, Transfer
from domain.wallet_facts import SentTransaction
from models.chain import DepositAddress
from models.payout import PayoutInput
from services import assets, audit, ledger, losses
from services.payouts.reading import advance, inputs_in_flight, withdrawals_of
from services.payouts.recovering import NotThesePayments, adopt, as_signed, claimants, key_of, payout_of, place, unknown
from services.payouts.signing import store

How: TypeAlias = Literal["known", "withdrawal", "form", "gas", "suspense", "fee", "not final", "unclear"]
"""What a transaction was booked as, or why it was not: too few confirmations, or it takes a stored payment's place."""
REASON = "sent after the dump that was restored; no withdrawal in it explains it"


def nonces_known(session: Session, chain: str, account: str) -> int:
    """How many nonces an account of ours has used, up to the newest one in the books."""
    newest = session.scalar(
        select(func.max(PayoutInput.vout)).where(PayoutInput.chain == chain, PayoutInput.txid == account)
    )
    return 0 if newest is None else newest + 1


def nonces_to_explain(session: Session, chain: str, account: str, *, made: int) -> Collection[int]:
    """The nonces that the account has used and that the books do not know, or have seen in no block.

    A payment that the books know may have been replaced since the dump.
    """
    known = nonces_known(session, chain, account)
    waiting = {spent.vout for spent in inputs_in_flight(session, chain) if spent.txid == account and spent.vout < made}
    return waiting | set(range(known, made))


def account_for(
    session: Session, chain: str, sent: SentTransaction, *, final_height: int | None, now: datetime, by: Actor
) -> How:
    """Book what an account of ours sent, once; returns as what.

    A withdrawal's payment, or another form of a stored payment, is followed to its end. Anything else, once final, goes
    to suspense as a loss to be decided about. What paid nobody costs its fee; gas for an address of ours is no deposit.
    """
    if not unknown(session, chain, [sent]):
        return "known"
    try:
        adopted = _adopt(session, chain, sent, now=now, by=by)
    except NotThesePayments:
        return "unclear"
    if adopted is not None:
        return adopted
    if not _is_final(session, chain, sent, final_height):
        return "not final"
    if _is_gas(session, chain, sent):
        _adopt_gas(session, chain, sent, now=now, by=by)
        return "gas"
    return _carry(session, chain, sent, now=now, by=by)


def _adopt(session: Session, chain: str, sent: SentTransaction, *, now: datetime, by: Actor) -> How | None:
    """Book it as a payment that is followed to its end, if it is one.

    Raises NotThesePayments, having written nothing.
    """
    payout_id = payout_of(session, chain, sent)
    if payout_id is not None:
        adopt(session, chain, sent, [row.id for row in withdrawals_of(session, payout_id)], now=now, by=by)
        return "form"
    asked = claimants(session, chain, sent)
    if asked:
        adopt(session, chain, sent, [row.id for row in asked], now=now, by=by)
        return "withdrawal"
    return None


def _is_gas(session: Session, chain: str, sent: SentTransaction) -> bool:
    """Whether it sent coin to a deposit address: gas for a sweep."""
    if [output.contract for output in sent.outputs] != [""]:
        return False
    paid = DepositAddress.address == sent.outputs[0].address
    return session.scalar(select(DepositAddress.id).where(DepositAddress.chain == chain, paid)) is not None


def _adopt_gas(session: Session, chain: str, sent: SentTransaction, *, now: datetime, by: Actor) -> None:
    """Book it as a movement between the house's own accounts, so that nobody is credited for it.

    The hot wallet can no longer spend it, and no sweep in the books says where it lies, so suspense carries it.
    """
    coin_id = assets.by_contract(session, chain)[""].asset_id
    signed = as_signed(sent, [sent.outputs[0].vout])
    payout = store(session, chain, coin_id, coin_id, signed, purpose="gas_top_up", now=now)
    advance(session, payout, "broadcast", {"txid": sent.txid, "recovered": True}, now=now, by=by)
    place(session, payout, sent, now=now, by=by)
    [gas] = sent.outputs
    key, why = (
        key_of(chain, sent.txid),
        f"{REASON}; it lies on the deposit address {gas.address}, as gas for sweeping it",
    )
    losses.carry(session, coin_id, gas.amount_minor, txid=sent.txid, reason=why, key=key, now=now, by=by)
    detail = {"txid": sent.txid, "payout_id": str(payout.id), "gas_for": gas.address}
    audit.record(session, "payout.recovered", by=by, now=now, detail=detail)


def _is_final(session: Session, chain: str, sent: SentTransaction, final_height: int | None) -> bool:
    money = assets.by_contract(session, chain)
    moved = {money[contract].asset_id for contract in {"", *(output.contract for output in sent.outputs)}}
    needed = max(assets.policy(session, asset_id).confirmations for asset_id in moved)
    return sent.confirmations >= needed and (final_height is None or (sent.block_height or 0) <= final_height)


def _carry(session: Session, chain: str, sent: SentTransaction, *, now: datetime, by: Actor) -> How:
    """Book the payment to suspense, and its fee. The first entry's key marks it as booked."""
    money, key, paid = assets.by_contract(session, chain), key_of(chain, sent.txid), defaultdict[str, int](int)
    for output in sent.outputs:
        paid[money[output.contract].asset_id] += output.amount_minor
    for place_, (asset_id, amount_minor) in enumerate(sorted(paid.items())):
        own_key = f"{key}:{asset_id}" if place_ else key
        losses.carry(session, asset_id, amount_minor, txid=sent.txid, reason=REASON, key=own_key, now=now, by=by)
    if sent.fee_minor:
        coin_id = money[""].asset_id
        fees = ledger.system_account(session, "network_fees", coin_id)
        hot_wallet = ledger.system_account(session, "hot_wallet", coin_id)
        legs = (Transfer(fees, hot_wallet, sent.fee_minor),)
        booked = Transaction(f"{key}:fee" if paid else key, "network_fee", legs, effective_at=now)
        outcome = ledger.post_one(session, booked)
        ensure(outcome.refused is None, f"the ledger refused a fee: {outcome.refused}")
        audit.record(
            session, "payout.fee_booked", by=by, now=now, detail={"txid": sent.txid, "fee_minor": str(sent.fee_minor)}
        )
    return "suspense" if paid else "fee"

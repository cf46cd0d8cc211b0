"""Network fees: booked when payments are settled, and corrected when another block changes their cost."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.errors import ensure
from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from models.payout import Payout, PayoutTransaction
from services import ledger


def booked(session: Session, due: Sequence[Payout], *, now: datetime) -> list[Transaction]:
    """The ledger transactions, for the caller to post, that book the cost of these payouts of one chain."""
    return _changes(session, due, again=False, now=now)


def corrections(session: Session, closed: Sequence[Payout], *, now: datetime) -> list[Transaction]:
    """Those that correct the booked cost of these payouts, which are in a block again, to their cost in that block.

    Corrections have no natural key, since two blocks may alternate: what is booked is in the payout's row, which the
    caller has locked and which commits with the correction.
    """
    return _changes(session, closed, again=True, now=now)


def _changes(session: Session, payouts: Sequence[Payout], *, again: bool, now: datetime) -> list[Transaction]:
    if not payouts:
        return []
    confirmed = {payout.txid: payout for payout in payouts}
    forms = session.execute(
        select(PayoutTransaction.txid, PayoutTransaction.fee_minor).where(
            PayoutTransaction.chain == payouts[0].chain, PayoutTransaction.txid.in_(confirmed)
        )
    ).all()
    ensure(len(forms) == len(payouts), "a payout confirmed in a form that was never stored")
    changes = []
    for txid, signed_fee_minor in forms:
        payout = confirmed[txid]
        cost_minor = _cost(payout, int(signed_fee_minor))
        more_minor = cost_minor - (payout.fee_booked_minor or 0)
        payout.fee_booked_minor = cost_minor
        if more_minor:
            key = f"payout:{payout.id}:network_fee" + (f":{new_id()}" if again else "")
            changes.append(_change(session, payout.fee_asset_id, more_minor, key=key, now=now))
    return changes


def _change(session: Session, asset_id: str, more_minor: int, *, key: str, now: datetime) -> Transaction:
    fees = ledger.system_account(session, "network_fees", asset_id)
    hot_wallet = ledger.system_account(session, "hot_wallet", asset_id)
    leg = Transfer(fees, hot_wallet, more_minor) if more_minor > 0 else Transfer(hot_wallet, fees, -more_minor)
    return Transaction(key=key, kind="network_fee", legs=(leg,), effective_at=now)


def _cost(payout: Payout, signed_fee_minor: int) -> int:
    """What the chain says it cost; where it never says so, the signed fee."""
    return signed_fee_minor if payout.fee_minor is None else payout.fee_minor

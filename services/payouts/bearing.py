"""Settle a payment that had failed and was made after all: its owner bears it, or the house by a vote of two."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.crash import crash_point
from domain.errors import StrongroomError, ensure
from domain.flows import WrongState
from domain.ids import short_id
from domain.ledger import Transaction, Transfer
from models.ledger import LedgerTransaction
from models.payout import Payout
from models.payout_made_after_all import PayoutMadeAfterAll
from models.withdrawal import Withdrawal
from services import audit, ledger, losses
from services.payouts import fees
from services.payouts.made_after_all import end, note
from services.payouts.reading import one, refuse_own, withdrawals_of
from services.payouts.recovering import AlreadyBooked
from services.withdrawals import returns


class NotMadeAfterAll(StrongroomError):
    """The provider does not report this failed payment as made: there is nothing to settle."""

    code: ClassVar[str] = "not_made_after_all"


def book_as_lost(session: Session, payout_id: UUID, *, now: datetime, by: Actor) -> Payout:
    """Carry the loss in suspense, and propose to book it, which another operator must agree to.

    Raises PayoutNotFound, SelfApproval, NotMadeAfterAll, AlreadyBooked.
    """
    payout, row, carried = _to_settle(session, payout_id, by)
    if row.settled_at is not None:
        raise AlreadyBooked
    flow = ", ".join(short_id(withdrawal.flow_id) for withdrawal in carried)
    reason = f"the provider made withdrawal {flow} after all, which had failed and whose funds had gone back"
    txid, amount_minor = (
        payout.provider_id or str(payout.txid),
        sum(int(withdrawal.amount_minor) for withdrawal in carried),
    )
    row.settlements += 1
    loss = losses.carry(session, payout.asset_id, amount_minor, txid=txid, reason=reason, key=_key(row), now=now, by=by)
    losses.propose_payment(session, loss.id, reason=reason, now=now, by=by)
    row.loss_id = loss.id
    _settled(session, payout, row, carried, "lost", now=now, by=by)
    return payout


def recover(session: Session, payout_id: UUID, *, now: datetime, by: Actor) -> Payout:
    """Charge the owner what the payment would have cost them, had it not failed, so that the house bears no loss.

    Also possible while suspense carries the loss and no proposal is open. Raises PayoutNotFound, SelfApproval,
    NotMadeAfterAll, AlreadyBooked, WrongState, and InsufficientFunds if the balance does not cover it.
    """
    payout, row, carried = _to_settle(session, payout_id, by)
    if row.settled_at is not None:
        if row.loss_id is None or losses.one(session, row.loss_id).state != "carried":
            raise AlreadyBooked
        _undo(session, row, carried, now=now, by=by)
    if any(returns.was_return(session, withdrawal.id) for withdrawal in carried):
        raise WrongState("it paid a deposit back, and suspense has that again: nobody's balance does")
    row.settlements += 1
    ledger.post_one(session, _taken(session, row, carried, now))
    _settled(session, payout, row, carried, "recovered", now=now, by=by)
    return payout


def unsettle(session: Session, payout: Payout, row: PayoutMadeAfterAll, *, now: datetime, by: Actor) -> None:
    """Undo the settlement, since the provider reports that the payment came back. The payout is locked."""
    carried = withdrawals_of(session, payout.id)
    _undo(session, row, carried, now=now, by=by)
    _correct_fee(session, payout, row, now=now)
    end(session, payout, carried, reason="its return was booked", now=now)


def _to_settle(session: Session, payout_id: UUID, by: Actor) -> tuple[Payout, PayoutMadeAfterAll, Sequence[Withdrawal]]:
    payout = one(session, payout_id)
    carried = withdrawals_of(session, payout_id)
    refuse_own(carried, by)
    row = session.get(PayoutMadeAfterAll, payout_id, populate_existing=True)
    if row is None or row.said != "completed":
        raise NotMadeAfterAll
    return payout, row, carried


def _settled(
    session: Session,
    payout: Payout,
    row: PayoutMadeAfterAll,
    carried: Sequence[Withdrawal],
    how: str,
    *,
    now: datetime,
    by: Actor,
) -> None:
    row.settled_how, row.settled_at, row.settled_by = how, now, by.name
    _correct_fee(session, payout, row, now=now)
    note(session, carried, {"settled_after_all": how}, now=now, by=by)
    audit.record(session, f"payout.{how}_after_all", by=by, now=now, detail={"payout_id": str(payout.id)})
    end(session, payout, carried, reason=f"it is settled: {how}", now=now)
    session.flush()
    crash_point("payout.bearing")


def _undo(
    session: Session, row: PayoutMadeAfterAll, carried: Sequence[Withdrawal], *, now: datetime, by: Actor
) -> None:
    if row.loss_id is not None:
        losses.take_back(session, row.loss_id, key=_key(row), now=now, by=by)
    else:
        query = select(LedgerTransaction.id).where(LedgerTransaction.idempotency_key == _key(row))
        booked = session.scalars(query).one()
        key, kind = f"{_key(row)}:undone", "withdrawal_returned"
        ledger.reverse(session, booked, key=key, kind=kind, effective_at=now, flow_id=carried[0].flow_id)
    row.settled_how = row.settled_at = row.settled_by = row.loss_id = None
    note(session, carried, {"settlement_undone": True}, now=now, by=by)
    audit.record(session, "payout.settlement_undone", by=by, now=now, detail={"payout_id": str(row.payout_id)})
    session.flush()


def _taken(session: Session, row: PayoutMadeAfterAll, carried: Sequence[Withdrawal], now: datetime) -> Transaction:
    """The transfers that the settlements of these withdrawals would have made."""
    legs = []
    for withdrawal in carried:
        owner = ledger.user_account(session, withdrawal.user_id, withdrawal.asset_id)
        hot_wallet = ledger.system_account(session, "hot_wallet", withdrawal.asset_id)
        legs.append(Transfer(owner, hot_wallet, int(withdrawal.amount_minor)))
        if withdrawal.fee_minor:
            income = ledger.system_account(session, "withdrawal_fees", withdrawal.asset_id)
            legs.append(Transfer(owner, income, int(withdrawal.fee_minor)))
    flow_id = carried[0].flow_id
    return Transaction(_key(row), "withdrawal_made_after_all", tuple(legs), effective_at=now, flow_id=flow_id)


def _correct_fee(session: Session, payout: Payout, row: PayoutMadeAfterAll, *, now: datetime) -> None:
    if row.fee_minor is None:
        return
    payout.fee_minor = row.fee_minor
    for outcome in ledger.post(session, fees.corrections(session, [payout], now=now)):
        ensure(outcome.refused is None, f"the ledger refused to correct a fee: {outcome.refused}")


def _key(row: PayoutMadeAfterAll) -> str:
    """The idempotency key of the latest settlement in the ledger."""
    return f"payout:{row.payout_id}:made_after_all:{row.settlements}"

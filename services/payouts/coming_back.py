"""Completed payments that their provider later reports as returned."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError, ensure
from domain.provider_facts import Report
from models.ledger import LedgerTransaction
from models.payout import Payout
from models.payout_made_after_all import PayoutMadeAfterAll
from models.payout_return import PayoutReturn
from models.withdrawal import Withdrawal
from services import alerts, audit, flows, ledger
from services.payouts import fees
from services.payouts.bearing import unsettle
from services.payouts.looking_again import look_again
from services.payouts.reading import one, refuse_own, withdrawals_of
from services.payouts.recovering import AlreadyBooked
from services.payouts.sending import Outgoing, held
from services.withdrawals import returns

ALERT: Final = "completed_payout_returned"


class NotReturned(StrongroomError):
    """The provider does not report this payment as returned: there is nothing to book."""

    code: ClassVar[str] = "not_returned"


def record_word(session: Session, outgoing: Outgoing, report: Report, *, now: datetime, by: Actor) -> None:
    """Record what a provider says of a payment that was completed. Raises LeaseLost.

    That it came back is told, and booked by nobody but an operator. That it was paid after all takes that back, or is
    told when it was booked. Anything else proves nothing.
    """
    payout = held(session, outgoing)
    look_again(payout, now)
    row = session.get(PayoutReturn, payout.id)
    if report.state == "failed":
        _came_back(session, payout, row, report, now=now, by=by)
    elif report.state == "completed" and row is not None and row.retracted_at is None:
        _paid_after_all(session, payout, row, now=now, by=by)


def book_return(session: Session, payout_id: UUID, *, now: datetime, by: Actor) -> Payout:
    """Give back what a payment that came back had taken, by a reversal, once.

    Its owners have amount and fee again, or suspense has what paid a deposit back; of one that had failed, and was made
    after all, how that was settled is undone. Raises PayoutNotFound, SelfApproval,
    NotReturned, AlreadyBooked.
    """
    payout = one(session, payout_id)
    carried = withdrawals_of(session, payout_id)
    refuse_own(carried, by)
    made = session.get(PayoutMadeAfterAll, payout_id, populate_existing=True)
    if made is not None and made.said == "failed" and made.settled_at is not None:
        unsettle(session, payout, made, now=now, by=by)
        return payout
    row = session.get(PayoutReturn, payout_id, populate_existing=True)
    if row is None or row.retracted_at is not None:
        raise NotReturned
    if row.booked_at is not None:
        raise AlreadyBooked
    returned = returns.locked_deposits(session, carried)
    for withdrawal in carried:
        _reverse(session, withdrawal, now=now)
    returns.put_back(session, returned, now=now, by=by)
    if row.fee_minor is not None:
        payout.fee_minor = row.fee_minor
        for outcome in ledger.post(session, fees.corrections(session, [payout], now=now)):
            ensure(outcome.refused is None, f"the ledger refused to correct a fee: {outcome.refused}")
    row.booked_at, row.booked_by = now, by.name
    _note(session, carried, {"return_booked": True}, now=now, by=by)
    audit.record(session, "payout.return_booked", by=by, now=now, detail={"payout_id": str(payout_id)})
    _clear(session, payout, "its return was booked", now=now)
    return payout


def of(session: Session, payout_id: UUID) -> PayoutReturn | None:
    """What is on record about a payment's coming back."""
    return session.get(PayoutReturn, payout_id)


def _came_back(
    session: Session, payout: Payout, row: PayoutReturn | None, report: Report, *, now: datetime, by: Actor
) -> None:
    if row is not None and row.booked_at is not None:
        _clear(session, payout, "it came back, as was booked", now=now)
        return
    reason = report.reason or "no reason was given"
    if row is None:
        row = PayoutReturn(payout_id=payout.id)
        session.add(row)
        is_news = True
    else:
        is_news = row.retracted_at is not None
    row.fee_minor = report.fee_minor
    if is_news:
        row.told_at, row.reason, row.retracted_at = now, reason, None
        _note(session, withdrawals_of(session, payout.id), {"came_back_because": reason}, now=now, by=by)
    session.flush()
    _alert(session, payout, f"a payment that was completed came back, its provider says: {reason}", now=now)


def _paid_after_all(session: Session, payout: Payout, row: PayoutReturn, *, now: datetime, by: Actor) -> None:
    if row.booked_at is not None:
        reason = "its provider says that a payment was made after all whose return was booked: the money left twice"
        _alert(session, payout, reason, now=now)
        return
    row.retracted_at = now
    _note(session, withdrawals_of(session, payout.id), {"paid_after_all": True}, now=now, by=by)
    _clear(session, payout, "its provider says that it was paid after all", now=now)


def _reverse(session: Session, withdrawal: Withdrawal, *, now: datetime) -> None:
    key = LedgerTransaction.idempotency_key == f"withdrawal:{withdrawal.id}:settle"
    settled = session.scalars(select(LedgerTransaction.id).where(key)).one()
    ledger.reverse(
        session,
        settled,
        key=f"withdrawal:{withdrawal.id}:came_back",
        kind="withdrawal_returned",
        effective_at=now,
        flow_id=withdrawal.flow_id,
    )


def _note(
    session: Session, carried: Sequence[Withdrawal], detail: Mapping[str, Any], *, now: datetime, by: Actor
) -> None:
    for withdrawal in carried:
        flows.note(session, withdrawal.flow_id, withdrawal.state, detail, now=now, by=by)


def _alert(session: Session, payout: Payout, reason: str, *, now: datetime) -> None:
    alerts.raise_alert(
        session,
        ALERT,
        scope=f"payout:{payout.id}",
        severity="critical",
        reason=reason,
        now=now,
        asset_id=payout.asset_id,
        details={"payout_id": str(payout.id), "provider_id": payout.provider_id},
    )


def _clear(session: Session, payout: Payout, reason: str, *, now: datetime) -> None:
    alerts.clear(session, ALERT, scope=f"payout:{payout.id}", now=now, reason=reason)

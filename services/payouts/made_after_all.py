"""Payments that failed, whose funds were released, and that their provider reports as made: the money left twice.

Nothing is booked automatically: an operator decides who bears it (`services.payouts.bearing`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from domain.actor import Actor
from domain.provider_facts import Report
from models.payout import Payout
from models.payout_made_after_all import PayoutMadeAfterAll
from models.withdrawal import Withdrawal
from services import alerts, flows
from services.leases import back_off
from services.payouts.looking_again import look_again
from services.payouts.reading import CLOSED, withdrawals_of
from services.payouts.sending import Outgoing, held

ALERT: Final = "failed_payout_made"
CODE: Final = "made_after_all"
"""The withdrawal's `waiting_reason` until this is settled."""
MADE: Final = ("pending", "completed")


def record_shown(
    session: Session, outgoing: Outgoing, found: Sequence[Report], *, is_guess: bool, now: datetime, by: Actor
) -> bool:
    """Record the provider's reports on a failed payment. Returns whether there are any. Raises LeaseLost.

    One that is pending or completed raises a critical alert until it is settled or the provider reports a failure
    again. With `is_guess` the reports were matched by destination and amount: while another payment of ours may be
    the one, this one is retried later. No report at all proves nothing.
    """
    payout = held(session, outgoing)
    attempts = payout.attempts
    look_again(payout, now)
    left = [report for report in nobodys(session, payout, found) if report.state != "unknown"]
    if not left:
        return False
    if is_guess and _may_be_anothers(session, payout):
        payout.due_at, payout.attempts = now + back_off(attempts), attempts
        return False
    report = left[0]
    payout.provider_id = report.provider_id or payout.provider_id
    row = session.get(PayoutMadeAfterAll, payout.id, with_for_update=True, populate_existing=True)
    if row is not None or report.state in MADE:
        _hear(session, payout, row, report, now=now, by=by)
    return True


def of(session: Session, payout_id: UUID) -> PayoutMadeAfterAll | None:
    """The record of a payment that was made after all, if there is one."""
    return session.get(PayoutMadeAfterAll, payout_id)


def nobodys(session: Session, payout: Payout, found: Sequence[Report]) -> list[Report]:
    """The reports that belong to no other payment of ours."""
    named = [report.provider_id for report in found]
    theirs = select(Payout.provider_id).where(
        Payout.chain == payout.chain, Payout.id != payout.id, Payout.provider_id.in_(named)
    )
    taken = set(session.scalars(theirs))
    return [report for report in found if report.provider_id not in taken]


def note(session: Session, carried: Sequence[Withdrawal], detail: dict[str, Any], *, now: datetime, by: Actor) -> None:
    """Record an event in these withdrawals' flows without a transition."""
    for withdrawal in carried:
        flows.note(session, withdrawal.flow_id, withdrawal.state, detail, now=now, by=by)


def end(session: Session, payout: Payout, carried: Sequence[Withdrawal], *, reason: str, now: datetime) -> None:
    """Clear the alert and the withdrawals' waiting reason, once nothing is left to settle."""
    for withdrawal in carried:
        withdrawal.waiting_reason = None
    alerts.clear(session, ALERT, scope=f"payout:{payout.id}", now=now, reason=reason)


def _hear(
    session: Session, payout: Payout, row: PayoutMadeAfterAll | None, report: Report, *, now: datetime, by: Actor
) -> None:
    """Record the newest report, and raise the alert if somebody has to act on it."""
    carried, said = withdrawals_of(session, payout.id), report.state
    is_news = row is None or row.said != said
    if row is None:
        row = PayoutMadeAfterAll(payout_id=payout.id, told_at=now)
        session.add(row)
    row.said, row.said_at, row.fee_minor = said, now, report.fee_minor
    session.flush()
    if is_news:
        detail: dict[str, Any] = {"made_after_all": said} if said in MADE else {"failed_after_all": True}
        note(session, carried, detail | {"provider_id": report.provider_id}, now=now, by=by)
    if (said in MADE) == (row.settled_at is not None):
        end(session, payout, carried, reason=f"its provider says that it is {said}, as the ledger does", now=now)
        return
    for withdrawal in carried:
        withdrawal.waiting_reason = CODE
    alerts.raise_alert(
        session,
        ALERT,
        scope=f"payout:{payout.id}",
        severity="critical",
        reason=_reason(said),
        now=now,
        asset_id=payout.asset_id,
        details={"payout_id": str(payout.id), "provider_id": payout.provider_id, "said": said},
    )


def _reason(said: str) -> str:
    if said == "failed":
        return "a payment that was made after all, and was settled as that, came back, its provider says"
    has = "was made" if said == "completed" else "is being made"
    return f"a payment that had failed, and whose funds went back, {has} after all, its provider says"


def _may_be_anothers(session: Session, payout: Payout) -> bool:
    """Whether another open payment of ours, without a provider id, has the same amount and destination."""
    mine, theirs = aliased(Withdrawal), aliased(Withdrawal)
    rival = (
        select(Payout.id)
        .join(theirs, theirs.payout_id == Payout.id)
        .join(mine, (mine.destination == theirs.destination) & (mine.amount_minor == theirs.amount_minor))
        .where(mine.payout_id == payout.id, mine.asset_id == theirs.asset_id)
        .where(Payout.chain == payout.chain, Payout.provider_id.is_(None), Payout.state.not_in(CLOSED))
        .limit(1)
    )
    return session.scalar(rival) is not None

"""Follow payments that a provider makes: its reports decide what becomes of them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.crash import crash_point
from domain.provider_facts import Report
from models.payout import Payout, PayoutTransaction
from services import alerts, leases
from services.payouts.doubting import doubt, wait_because
from services.payouts.failing import fail
from services.payouts.following import book
from services.payouts.looking_again import look_again
from services.payouts.reading import advance, first_asked_at
from services.payouts.sending import BATCH_MAX, Outgoing, held, may_leave, of_provider

OPEN = ("signed", "broadcast", "uncertain")
# For how long a request may be repeated: providers forget idempotency references at some time.
ASK_AGAIN_WITHIN = timedelta(hours=1)


def claim_reportable(
    session: Session, chain: str, *, owner: str, now: datetime
) -> Sequence[tuple[Outgoing, bool, bool]]:
    """Lease the open payments of a provider that are due, each with whether it may be requested (again).

    It may the first time, and with the same reference once more as long as that was not long ago.
    """
    is_open = (Payout.chain == chain, Payout.state.in_(OPEN), may_leave())
    query = select(Payout).where(*is_open).order_by(Payout.id).limit(BATCH_MAX)
    claimed = leases.claim(session, query, Payout, owner=owner, now=now)
    return [
        (outgoing, asked_at is None, asked_at is None or now - asked_at < ASK_AGAIN_WITHIN)
        for asked_at, outgoing in zip(map(_asked_at, claimed), of_provider(session, claimed), strict=True)
    ]


def about_to_ask(session: Session, outgoing: Outgoing, *, now: datetime) -> bool:
    """Record that a provider is about to be asked for a payment; commit that before asking. Raises LeaseLost.

    False when it may have been asked before, perhaps by a process that died before it could record the answer.
    """
    payout = held(session, outgoing)
    is_first = _asked_at(payout) is None
    if is_first:
        payout.asked_at = now
    return is_first


def was_not_asked(session: Session, outgoing: Outgoing) -> None:
    """Undo that: the provider could not be reached at the first attempt. Raises LeaseLost."""
    held(session, outgoing).asked_at = None


def hurry(
    session: Session, chain: str, *, provider_ids: Collection[str], references: Collection[str], now: datetime
) -> frozenset[str]:
    """Make the payments with these ids or references due now. Returns the provider's ids of ours."""
    named = union(
        select(Payout.id).where(Payout.chain == chain, Payout.provider_id.in_(provider_ids)),
        select(PayoutTransaction.payout_id).where(
            PayoutTransaction.chain == chain, PayoutTransaction.txid.in_(references)
        ),
    )
    ours = session.scalars(select(Payout).where(Payout.id.in_(named)).order_by(Payout.id).with_for_update()).all()
    for payout in ours:
        # What was paid may come back, and what failed may be made after all.
        payout.due_at = now
    return frozenset(payout.provider_id for payout in ours if payout.provider_id)


def record_report(session: Session, outgoing: Outgoing, report: Report, *, now: datetime, by: Actor) -> None:
    """Record what a provider says of a payment. Raises LeaseLost.

    Completed: what was held is posted, with the fee that the provider took. Failed: the funds go back. Anything else
    is asked again, less and less often.
    """
    payout = held(session, outgoing)
    if _is_anothers(session, payout, report):
        reason = f"the provider calls it {report.provider_id}, as it does another payment of ours"
        doubt(session, payout, code="provider_unknown", reason=reason, now=now, by=by)
        return
    payout.provider_id = report.provider_id or payout.provider_id
    if report.state == "unknown":
        reason = report.reason or "the provider knows nothing of it"
        doubt(session, payout, code="provider_unknown", reason=reason, now=now, by=by)
    elif report.state == "pending":
        _wait(session, payout, outgoing, now=now, by=by)
    elif report.state == "failed":
        record_refused(session, outgoing, reason=report.reason, fee_minor=report.fee_minor, now=now, by=by)
    else:
        _complete(session, payout, outgoing, report, now=now, by=by)
    session.flush()
    crash_point("withdrawal.settling")


def record_refused(
    session: Session, outgoing: Outgoing, *, reason: str, fee_minor: int | None = None, now: datetime, by: Actor
) -> None:
    """Fail a payment that the provider says it will never make. Raises LeaseLost."""
    payout = held(session, outgoing)
    payout.txid, payout.fee_minor = outgoing.txid, fee_minor
    payout.void_because, payout.reason = "refused", reason or "refused"
    fail(session, payout, now=now, by=by)
    if fee_minor:
        book(session, [], [payout], now=now)


def _asked_at(payout: Payout) -> datetime | None:
    return None if payout.asked_at is None and payout.state == "signed" else first_asked_at(payout)


def _is_anothers(session: Session, payout: Payout, report: Report) -> bool:
    """Whether the provider's payment is another one's of ours already: it cannot settle both."""
    if report.provider_id in {"", payout.provider_id}:
        return False
    same = (Payout.chain == payout.chain, Payout.provider_id == report.provider_id, Payout.id != payout.id)
    return session.scalar(select(Payout.id).where(*same)) is not None


def _wait(session: Session, payout: Payout, outgoing: Outgoing, *, now: datetime, by: Actor) -> None:
    leases.release(payout, due_at=now + leases.back_off(payout.attempts))
    payout.reason = None
    wait_because(session, payout, None, noted=False, now=now, by=by)
    if payout.state in {"signed", "uncertain"}:
        advance(session, payout, "broadcast", {"txid": outgoing.txid}, now=now, by=by)
    alerts.clear(session, "withdrawal_uncertain", scope=f"payout:{payout.id}", now=now, reason="the provider has it")


def _complete(
    session: Session, payout: Payout, outgoing: Outgoing, report: Report, *, now: datetime, by: Actor
) -> None:
    payout.txid, payout.fee_minor, payout.reason = outgoing.txid, report.fee_minor, None
    detail = {"txid": outgoing.txid, "provider_id": payout.provider_id, "tx_hash": report.tx_hash or None}
    advance(session, payout, "confirming", detail, now=now, by=by)
    carried = advance(session, payout, "completed", {}, now=now, by=by)
    for withdrawal in carried:
        withdrawal.waiting_reason = None
    look_again(payout, now)
    book(session, carried, [payout], now=now)
    alerts.clear(session, "withdrawal_uncertain", scope=f"payout:{payout.id}", now=now, reason="the provider paid it")

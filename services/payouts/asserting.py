"""What operators may assert about a payment that its provider does not know by our reference: which one it is, or none.

No one operator's word moves money. The provider is asked again, but the payment is not requested again: the provider
may have forgotten the reference by now, and would make another payment.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.crash import crash_point
from domain.errors import StrongroomError
from domain.flows import WrongState
from domain.provider_facts import Report
from domain.providers import PROVIDERS
from models.payout import Payout
from models.payout_assertion import PayoutAssertion
from models.user import MAY_APPROVE, UserRole
from services import audit, flows, leases, outbox
from services.payouts.doubting import doubt
from services.payouts.failing import fail
from services.payouts.looking_again import CLOCKS_DIFFER
from services.payouts.made_after_all import nobodys
from services.payouts.reading import first_asked_at, one, refuse_own, withdrawals_of
from services.payouts.reporting import ASK_AGAIN_WITHIN, record_report
from services.payouts.sending import BATCH_MAX, Outgoing, held, of_provider

NEVER_MADE_AFTER: Final = 2 * ASK_AGAIN_WITHIN
"""Once this has passed, nobody can still be repeating the request, and the provider shows whatever it made."""
_PROVIDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class NotAProviderId(StrongroomError):
    """This is not a provider's payment id: letters, digits, hyphens and underscores, 64 at most."""

    code: ClassVar[str] = "invalid_provider_id"


class AlreadySaid(StrongroomError):
    """You have already said so. Another operator has to agree, or two have and the provider is being asked."""

    code: ClassVar[str] = "already_said"


class MayStillBeMade(StrongroomError):
    """The request may still be repeated or under way: too early to say that the payment was never made."""

    code: ClassVar[str] = "may_still_be_made"


@dataclass(frozen=True, slots=True)
class Asserted:
    """A payment with an assertion, and what its provider is asked for: one of its own payments, or all of them."""

    outgoing: Outgoing
    said_at: datetime
    since: datetime
    provider_id: str


def say_never_made(session: Session, payout_id: UUID, *, now: datetime, by: Actor) -> Payout:
    """Assert that a payment was never made, or second another operator who did; its provider is then asked.

    Raises PayoutNotFound, SelfApproval, WrongState, MayStillBeMade, AlreadySaid.
    """
    payout = _doubtful(session, payout_id, by)
    if now - first_asked_at(payout) < NEVER_MADE_AFTER:
        raise MayStillBeMade
    row = session.get(PayoutAssertion, payout_id, populate_existing=True)
    if row is not None and row.agreed_at is not None and row.answered_at is None:
        raise AlreadySaid
    if row is None or not _waits_for_another(session, row):
        _say(session, payout, None, now=now, by=by)
        return payout
    if row.said_by == by.name or (by.user_id is not None and row.said_by_id == by.user_id):
        raise AlreadySaid
    row.agreed_by, row.agreed_at = by.name, now
    _note(session, payout, {"said_never_made": 2}, now=now, by=by)
    audit.record(session, "payout.never_made_agreed", by=by, now=now, detail={"payout_id": str(payout_id)})
    _have_asked(session, payout, now)
    return payout


def say_it_is(session: Session, payout_id: UUID, *, provider_id: str, now: datetime, by: Actor) -> Payout:
    """Assert which of its provider's payments a payment is; it is settled by that one if it matches.

    Raises PayoutNotFound, SelfApproval, WrongState, NotAProviderId.
    """
    if not _PROVIDER_ID.fullmatch(provider_id):
        raise NotAProviderId
    payout = _doubtful(session, payout_id, by)
    _say(session, payout, provider_id, now=now, by=by)
    _have_asked(session, payout, now)
    return payout


def assertion_of(session: Session, payout_id: UUID) -> PayoutAssertion | None:
    """The latest assertion about a payment."""
    return session.get(PayoutAssertion, payout_id)


def claim_asserted(session: Session, chain: str, *, owner: str, now: datetime) -> Sequence[Asserted]:
    """Lease the payments of a provider with assertions by enough operators, about which it has not been asked yet."""
    is_open = PayoutAssertion.answered_at.is_(None)
    is_enough = or_(PayoutAssertion.provider_id.is_not(None), PayoutAssertion.agreed_at.is_not(None))
    said = select(PayoutAssertion.payout_id).where(is_open, is_enough)
    query = (
        select(Payout)
        .where(Payout.chain == chain, Payout.state == "uncertain", Payout.id.in_(said))
        .order_by(Payout.id)
        .limit(BATCH_MAX)
    )
    claimed = leases.claim(session, query, Payout, owner=owner, now=now)
    rows = [session.get_one(PayoutAssertion, payout.id) for payout in claimed]
    return [
        Asserted(outgoing, row.said_at, first_asked_at(payout) - CLOCKS_DIFFER, row.provider_id or "")
        for outgoing, payout, row in zip(of_provider(session, claimed), claimed, rows, strict=True)
    ]


def record_found(
    session: Session, asserted: Asserted, found: Sequence[Report], *, now: datetime, by: Actor
) -> PayoutAssertion | None:
    """Decide by the payments that a provider shows as matches. Returns the decision, or None. Raises LeaseLost.

    A payment that belongs to another payout is no match. One match settles the payout, as a report does; none fails it,
    if two operators asserted that; anything else contradicts the assertion, and the payout stays uncertain.
    """
    payout = held(session, asserted.outgoing)
    row = session.get(PayoutAssertion, payout.id, with_for_update=True, populate_existing=True)
    if row is None or row.answered_at is not None or row.said_at != asserted.said_at:
        leases.release(payout, due_at=now)
        return None
    left = nobodys(session, payout, found)
    row.answered_at = now
    row.is_upheld = len(left) == 1 if row.provider_id else not left
    if not row.is_upheld:
        row.answer = _against(row, left)
        _note(session, payout, {"is_upheld": False}, now=now, by=by)
        doubt(session, payout, code="provider_unknown", reason=row.answer, now=now, by=by)
    elif left:
        _note(session, payout, {"identified_as": row.provider_id}, now=now, by=by)
        record_report(session, asserted.outgoing, left[0], now=now, by=by)
    else:
        payout.txid, payout.void_because = asserted.outgoing.txid, "never_made"
        fail(session, payout, now=now, by=by)
    session.flush()
    crash_point("payout.looking_into")
    return row


def _doubtful(session: Session, payout_id: UUID, by: Actor) -> Payout:
    payout = one(session, payout_id)
    refuse_own(withdrawals_of(session, payout_id), by)
    if payout.chain not in PROVIDERS:
        raise WrongState("what became of a payment on a chain is read from its blocks, and nothing else")
    if payout.state != "uncertain":
        raise WrongState(f"this payout is {payout.state}; only of an uncertain one is that open")
    if payout.provider_id is not None:
        raise WrongState(f"its provider knows it as {payout.provider_id}, and is asked about that")
    return payout


def _waits_for_another(session: Session, row: PayoutAssertion) -> bool:
    """Whether an operator who may still decide has asserted that it was never made, and nobody was asked since."""
    if row.provider_id is not None or row.answered_at is not None:
        return False
    may = exists().where(UserRole.user_id == row.said_by_id, UserRole.role.in_(MAY_APPROVE))
    return row.said_by_id is None or bool(session.scalar(select(may)))


def _say(session: Session, payout: Payout, provider_id: str | None, *, now: datetime, by: Actor) -> None:
    row = session.get(PayoutAssertion, payout.id)
    if row is None:
        row = PayoutAssertion(payout_id=payout.id)
        session.add(row)
    row.provider_id, row.said_by, row.said_by_id, row.said_at = provider_id, by.name, by.user_id, now
    row.agreed_by = row.agreed_at = row.answered_at = row.is_upheld = row.answer = None
    session.flush()
    said: dict[str, Any] = {"said_to_be": provider_id} if provider_id else {"said_never_made": 1}
    _note(session, payout, said, now=now, by=by)
    audit.record(session, "payout.asserted", by=by, now=now, detail={"payout_id": str(payout.id), **said})


def _have_asked(session: Session, payout: Payout, now: datetime) -> None:
    leases.release(payout, due_at=now)
    outbox.promise(session, "payouts.send", now=now)


def _against(row: PayoutAssertion, left: Sequence[Report]) -> str:
    if row.provider_id is None:
        return f"the provider shows what may be this payment: {', '.join(report.provider_id for report in left)}"
    return f"{row.provider_id} is not a payment of this amount to this destination, or is another one's already"


def _note(session: Session, payout: Payout, detail: dict[str, Any], *, now: datetime, by: Actor) -> None:
    for withdrawal in withdrawals_of(session, payout.id):
        flows.note(session, withdrawal.flow_id, withdrawal.state, detail, now=now, by=by)

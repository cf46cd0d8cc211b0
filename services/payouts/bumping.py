"""Replace a payment that waits for a block, by a dearer one or by one that pays nobody; stored before it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import OutPoint
from domain.crash import crash_point
from domain.errors import StrongroomError
from domain.flows import WrongState
from domain.rails import RAILS
from domain.wallet_facts import SignedPayment
from models.asset import WithdrawalPolicy
from models.chain import DepositAddress
from models.payout import Payout
from models.sweep import Sweep
from services import audit, flows, leases, outbox
from services.payouts.reading import forms_of, one, withdrawals_of
from services.payouts.signing import add_form
from services.payouts.sweeping import note
from services.payouts.unblocking import BECAUSE, is_in_the_way

BUMPABLE = ("broadcast", "uncertain")


class CannotCancel(StrongroomError):
    """Payments of this rail cannot be cancelled; only their fee can be raised."""

    code: ClassVar[str] = "cannot_cancel"


@dataclass(frozen=True, slots=True)
class Replaceable:
    """A payment that waits for a block: its newest form, its fee cap, and what was asked for.

    `derivation_index` names the deposit address that pays, where it is not the hot wallet. One that `is_in_the_way` may
    not leave while others wait behind it: it is to be cancelled without anybody asking.
    """

    payment: SignedPayment
    fee_max_minor: int
    derivation_index: int | None
    to_cancel: bool
    is_cancellation: bool
    is_in_the_way: bool


def ask_for_bump(session: Session, payout_id: UUID, *, now: datetime, by: Actor) -> Payout:
    """Have a task raise the fee of a payment that waits for a block. Raises PayoutNotFound, WrongState."""
    payout = _waiting(session, payout_id)
    payout.bump_requested_by = by.name
    audit.record(session, "payout.bump_requested", by=by, now=now, detail={"payout_id": str(payout_id)})
    outbox.promise(session, "payouts.bump", now=now)
    return payout


def ask_for_cancel(session: Session, payout_id: UUID, *, now: datetime, by: Actor) -> Payout:
    """Have a task replace a waiting payment by one that pays nobody.

    Only a block decides which of the two was first: until then nothing is given back. Raises PayoutNotFound,
    WrongState, CannotCancel.
    """
    payout = _waiting(session, payout_id)
    if not RAILS[payout.chain].has_accounts:
        raise CannotCancel
    payout.cancel_requested_by = by.name
    audit.record(session, "payout.cancel_requested", by=by, now=now, detail={"payout_id": str(payout_id)})
    outbox.promise(session, "payouts.bump", now=now)
    return payout


def asked_for_bump(session: Session, chain: str) -> Sequence[UUID]:
    """The payouts that an operator wants replaced: by a dearer form, or by one that pays nobody."""
    return session.scalars(
        select(Payout.id).where(
            Payout.chain == chain,
            or_(Payout.bump_requested_by.is_not(None), Payout.cancel_requested_by.is_not(None)),
            Payout.state.in_(BUMPABLE),
        )
    ).all()


def record_not_bumped(session: Session, payout_id: UUID, *, code: str, now: datetime, by: Actor) -> None:
    """Record why a payment could not be replaced; the form that was sent stays the newest.

    One that is in the way of others is tried again until it succeeds.
    """
    payout = one(session, payout_id)
    if payout.state == "signed":
        payout.attempts += 1
        leases.release(payout, due_at=now + leases.back_off(payout.attempts))
        if payout.reason == code:
            return
        payout.reason = code
        _tell(session, payout, {"not_cancelled_because": code, "because": BECAUSE}, now=now, by=by)
        return
    name = "not_cancelled_because" if payout.cancel_requested_by else "not_bumped_because"
    payout.bump_requested_by = payout.cancel_requested_by = None
    _tell(session, payout, {name: code}, now=now, by=by)


def bumpable(session: Session, payout_id: UUID) -> Replaceable:
    """The newest form of a payout that waits for a block, or is in the way of others, and how it may be replaced.

    Raises PayoutNotFound, WrongState.
    """
    payout = one(session, payout_id)
    blocks = payout.state == "signed" and is_in_the_way(session, payout)
    if not blocks:
        _refuse_unless_waiting(payout)
    newest = forms_of(session, payout_id)[-1]
    signed = SignedPayment(
        txid=newest.txid,
        raw_tx=newest.raw_tx,
        fee_minor=int(newest.fee_minor),
        vsize=newest.vsize,
        inputs=tuple(_outpoint(spelled) for spelled in newest.inputs),
        payment_vouts=tuple(newest.payment_vouts),
        change_vout=newest.change_vout,
    )
    return Replaceable(
        payment=signed,
        fee_max_minor=session.get_one(WithdrawalPolicy, payout.asset_id).network_fee_cap_minor,
        derivation_index=_derivation_index(session, payout),
        to_cancel=blocks or payout.cancel_requested_by is not None,
        is_cancellation=newest.is_cancellation,
        is_in_the_way=blocks,
    )


def record_bumped(
    session: Session, payout_id: UUID, replaced: Replaceable, signed: SignedPayment, *, now: datetime, by: Actor
) -> None:
    """Store the form that takes the place of another, to be sent instead.

    Raises WrongState when the payout moved on meanwhile.
    """
    payout = one(session, payout_id)
    forms = forms_of(session, payout_id)
    as_before = payout.state in BUMPABLE
    if replaced.is_in_the_way:
        as_before = payout.state == "signed" and is_in_the_way(session, payout)
    if not as_before or forms[-1].txid != replaced.payment.txid:
        raise WrongState("this payout moved on while it was being replaced")
    cancels = replaced.to_cancel or replaced.is_cancellation
    add_form(session, payout, signed, form=len(forms) + 1, is_cancellation=cancels, now=now)
    detail = {
        "cancels" if replaced.to_cancel else "replaces": replaced.payment.txid,
        "txid": signed.txid,
        "network_fee_minor": str(signed.fee_minor),
    } | ({"because": BECAUSE} if replaced.is_in_the_way else {})
    _tell(session, payout, detail, now=now, by=by)
    action = "payout.cancelling" if replaced.to_cancel else "payout.bumped"
    audit.record(session, action, by=by, now=now, detail={"payout_id": str(payout_id), **detail})
    payout.bump_requested_by = payout.cancel_requested_by = None
    leases.release(payout, due_at=now)
    outbox.promise(session, "payouts.send", now=now)
    session.flush()
    crash_point("withdrawal.bumped")


def _waiting(session: Session, payout_id: UUID) -> Payout:
    payout = one(session, payout_id)
    _refuse_unless_waiting(payout)
    return payout


def _refuse_unless_waiting(payout: Payout) -> None:
    if payout.state not in BUMPABLE:
        raise WrongState(f"this payout is {payout.state}; only one that waits for a block can be replaced")


def _derivation_index(session: Session, payout: Payout) -> int | None:
    if payout.purpose != "sweep":
        return None
    return session.scalars(
        select(DepositAddress.derivation_index)
        .join(Sweep, Sweep.address_id == DepositAddress.id)
        .where(Sweep.id == payout.sweep_id)
    ).one()


def _tell(session: Session, payout: Payout, detail: Mapping[str, Any], *, now: datetime, by: Actor) -> None:
    note(session, payout, detail, now=now, by=by)
    for withdrawal in withdrawals_of(session, payout.id):
        flows.note(session, withdrawal.flow_id, withdrawal.state, detail, now=now, by=by)


def _outpoint(spelled: str) -> OutPoint:
    txid, _, vout = spelled.partition(":")
    return OutPoint(txid, int(vout))

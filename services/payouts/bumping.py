"""Raise the fee of a payment that waits: same inputs, same recipients, stored before it is sent."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import OutPoint
from domain.crash import crash_point
from domain.flows import WrongState
from domain.wallet_facts import SignedPayment
from models.asset import WithdrawalPolicy
from models.payout import Payout
from services import audit, flows, leases, outbox
from services.payouts.reading import forms_of, one, withdrawals_of
from services.payouts.signing import add_form

BUMPABLE = ("broadcast", "uncertain")


def ask_for_bump(session: Session, payout_id: UUID, *, now: datetime, by: Actor) -> Payout:
    """Have a task raise the fee of a payment that waits for a block. Raises PayoutNotFound, WrongState."""
    payout = one(session, payout_id)
    if payout.state not in BUMPABLE:
        raise WrongState(f"this payout is {payout.state}; only one that waits for a block can be bumped")
    payout.bump_requested_by = by.name
    audit.record(session, "payout.bump_requested", by=by, now=now, detail={"payout_id": str(payout_id)})
    outbox.promise(session, "payouts.bump", now=now)
    return payout


def asked_for_bump(session: Session, chain: str) -> Sequence[UUID]:
    """The payouts whose fee an operator wants raised."""
    return session.scalars(
        select(Payout.id).where(
            Payout.chain == chain, Payout.bump_requested_by.is_not(None), Payout.state.in_(BUMPABLE)
        )
    ).all()


def record_not_bumped(session: Session, payout_id: UUID, *, code: str, now: datetime, by: Actor) -> None:
    """Record why a fee could not be raised; the form that is out there stays the newest."""
    payout = one(session, payout_id)
    payout.bump_requested_by = None
    for withdrawal in withdrawals_of(session, payout_id):
        flows.note(session, withdrawal.flow_id, withdrawal.state, {"not_bumped_because": code}, now=now, by=by)


def bumpable(session: Session, payout_id: UUID) -> tuple[SignedPayment, int]:
    """The newest form of a payout that waits for a block, and the most that its fee may be.

    Raises PayoutNotFound, WrongState.
    """
    payout = one(session, payout_id)
    if payout.state not in BUMPABLE:
        raise WrongState(f"this payout is {payout.state}; only one that waits for a block can be bumped")
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
    return signed, session.get_one(WithdrawalPolicy, payout.asset_id).network_fee_cap_minor


def record_bumped(
    session: Session, payout_id: UUID, replaced: SignedPayment, signed: SignedPayment, *, now: datetime, by: Actor
) -> None:
    """Store the dearer form, to be sent instead. Raises WrongState when the payout moved on meanwhile."""
    payout = one(session, payout_id)
    forms = forms_of(session, payout_id)
    if payout.state not in BUMPABLE or forms[-1].txid != replaced.txid:
        raise WrongState("this payout moved on while its fee was being raised")
    add_form(session, payout, signed, form=len(forms) + 1, now=now)
    detail = {"replaces": replaced.txid, "txid": signed.txid, "network_fee_minor": str(signed.fee_minor)}
    for withdrawal in withdrawals_of(session, payout_id):
        flows.note(session, withdrawal.flow_id, withdrawal.state, detail, now=now, by=by)
    audit.record(session, "payout.bumped", by=by, now=now, detail={"payout_id": str(payout_id), **detail})
    payout.bump_requested_by = None
    leases.release(payout, due_at=now)
    outbox.promise(session, "payouts.send", now=now)
    session.flush()
    crash_point("withdrawal.bumped")


def _outpoint(spelled: str) -> OutPoint:
    txid, _, vout = spelled.partition(":")
    return OutPoint(txid, int(vout))

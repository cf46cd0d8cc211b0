"""What an operator may do about a payment whose fate is unknown."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.flows import WrongState
from models.payout import Payout
from services import audit, leases, outbox
from services.payouts.failing import fail
from services.payouts.reading import one, refuse_own, withdrawals_of


class NoProof(StrongroomError):
    """Nothing proves that this payment can never confirm: its funds stay held."""

    code: ClassVar[str] = "no_proof_of_failure"


def retry(session: Session, payout_id: UUID, *, now: datetime, by: Actor) -> Payout:
    """Offer the same bytes to the network now. Raises PayoutNotFound, WrongState."""
    payout = one(session, payout_id)
    if payout.state not in {"signed", "broadcast", "uncertain"}:
        raise WrongState(f"this payout is {payout.state}; there is nothing to send again")
    leases.release(payout, due_at=now)
    # Patience begins anew.
    payout.attempts = 0
    outbox.promise(session, "payouts.send", now=now)
    audit.record(session, "payout.retried", by=by, now=now, detail={"payout_id": str(payout_id)})
    return payout


def give_up(session: Session, payout_id: UUID, *, now: datetime, by: Actor) -> Payout:
    """Fail an uncertain payment, given proof on record. Raises PayoutNotFound, SelfApproval, WrongState, NoProof."""
    payout = one(session, payout_id)
    refuse_own(withdrawals_of(session, payout_id), by)
    if payout.state != "uncertain":
        raise WrongState(f"this payout is {payout.state}; only an uncertain one can be given up")
    if payout.conflicted_by is None and payout.void_because is None:
        raise NoProof
    fail(session, payout, now=now, by=by)
    audit.record(session, "payout.given_up", by=by, now=now, detail={"payout_id": str(payout_id)})
    return payout

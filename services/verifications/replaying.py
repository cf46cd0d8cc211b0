"""Decide a claim again: from its stored evidence, or by asking the chain anew."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.claim_reading import Reading
from domain.flows import VERIFICATION, move
from domain.flows.table import WrongState
from domain.verification import Decision
from models.verification import PaymentVerification
from services import audit, flows, leases, outbox
from services.verifications.deciding import apply, decided
from services.verifications.reading import locked, one


@dataclass(frozen=True, slots=True)
class Replay:
    """What was decided, and what follows from the evidence now."""

    state: str
    reason: str
    decision: Decision

    @property
    def differs(self) -> bool:
        """Whether it would be decided differently today."""
        return (self.state, self.reason) != (self.decision.state, self.decision.reason)


def replayed(
    session: Session, verification_id: UUID, reading: Reading, *, now: datetime, by: Actor, carry_out: bool
) -> Replay:
    """Decide again from a reading of the evidence, and compare; `carry_out` puts the new decision into effect.

    A verified claim stays verified: its money may have been spent. Raises VerificationNotFound, and WrongState for
    carrying out anything about a verified claim.
    """
    row = locked(session, verification_id) if carry_out else one(session, verification_id)
    state, reason = row.state, row.reason or ""
    if not carry_out:
        return Replay(state, reason, decided(session, row, reading, is_looked_at=True, now=now))
    _refuse_verified(row)
    # Fences off a worker that is looking at the chain right now: this decision is newer.
    row.lease_generation += 1
    decision = apply(session, row, reading, is_looked_at=True, now=now, by=by)
    _tell(session, row, "verification.replayed", now=now, by=by)
    return Replay(state, reason, decision)


def ask_again(session: Session, verification_id: UUID, *, now: datetime, by: Actor) -> PaymentVerification:
    """Have the chain asked anew about a claim that is not verified. Raises VerificationNotFound, WrongState."""
    row = locked(session, verification_id)
    _refuse_verified(row)
    if row.state != "requested":
        before, row.state = row.state, move(VERIFICATION, row.state, "requested")
        flows.record(session, flows.Step(row.flow_id, VERIFICATION, before, "requested"), now=now, by=by)
        row.state_changed_at = now
    row.lease_generation += 1
    row.attempts, row.reason, row.decided_at = 0, None, None
    leases.release(row, due_at=now)
    _tell(session, row, "verification.asked_again", now=now, by=by)
    outbox.promise(session, "verifications.check", now=now)
    return row


def _refuse_verified(row: PaymentVerification) -> None:
    if row.state == "verified":
        raise WrongState("this claim is verified, and stays so")


def _tell(session: Session, row: PaymentVerification, event: str, *, now: datetime, by: Actor) -> None:
    detail = {"verification_id": str(row.id), "state": row.state, "reason": row.reason}
    audit.record(session, event, by=by, now=now, detail=detail)

"""What an operator may do about a payment that is uncertain."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError
from domain.flows import WrongState
from models.chain import ChainCursor
from models.payout import Payout
from services import assets, audit, leases, outbox
from services.finality import is_deep
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
    """Fail an uncertain payment, given a proof that is as final as a payment of its asset has to be.

    Raises PayoutNotFound, SelfApproval, WrongState, NoProof.
    """
    payout = one(session, payout_id)
    refuse_own(withdrawals_of(session, payout_id), by)
    if payout.state != "uncertain":
        raise WrongState(f"this payout is {payout.state}; only an uncertain one can be given up")
    _refuse_unproved(session, payout)
    fail(session, payout, now=now, by=by)
    audit.record(session, "payout.given_up", by=by, now=now, detail={"payout_id": str(payout_id)})
    return payout


def _refuse_unproved(session: Session, payout: Payout) -> None:
    """Raise NoProof unless a provider's final word is no, or the conflicting transaction is final.

    Otherwise, whoever got the funds back at the first block of a double spend would only have to undo that block.
    """
    if payout.void_because is not None:
        return
    cursor = session.get(ChainCursor, payout.chain)
    if payout.conflict_height is None or cursor is None:
        raise NoProof
    needed = assets.policy(session, payout.asset_id).confirmations
    if not session.scalar(select(is_deep(literal(payout.conflict_height), needed, cursor))):
        has = cursor.height - payout.conflict_height + 1
        raise NoProof(
            f"{payout.conflicted_by}, which came instead, is not final: it has {has} of {needed} confirmations"
        )

"""Book to suspense what left the house without explanation, until it is booked as lost or comes back."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from domain.flows import LOSS, move
from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from models.ledger import LedgerTransaction
from models.loss import Loss
from services import audit, flows, ledger
from services.losses.reading import locked

OPEN: Final = ("carried", "proposed")
"""The states of a loss that nobody has decided about for good."""


def carry(
    session: Session, asset_id: str, amount_minor: int, *, txid: str, reason: str, key: str, now: datetime, by: Actor
) -> Loss:
    """Book a payment of the hot wallet to suspense, under this ledger key; the loss's flow begins here.

    The caller makes sure that it is booked once.
    """
    ensure(amount_minor > 0, "a loss is of something")
    detail = {"txid": txid, "reason": reason}
    opening = flows.Opening(LOSS, "carried", None, asset_id, amount_minor, detail)
    [flow_id] = flows.open_many(session, [opening], now=now, by=by)
    suspense = ledger.system_account(session, "suspense", asset_id)
    hot_wallet = ledger.system_account(session, "hot_wallet", asset_id)
    legs = (Transfer(suspense, hot_wallet, amount_minor),)
    booked = Transaction(key, "loss_carried", legs, flow_id=flow_id, effective_at=now)
    outcome = ledger.post_one(session, booked)
    ensure(outcome.refused is None, f"the ledger refused to carry a loss: {outcome.refused}")
    row = Loss(
        id=new_id(),
        asset_id=asset_id,
        amount_minor=amount_minor,
        txid=txid,
        state="carried",
        reason=reason,
        created_at=now,
        flow_id=flow_id,
    )
    session.add(row)
    session.flush()
    told = {**detail, "loss_id": str(row.id), "asset_id": asset_id, "amount_minor": str(amount_minor)}
    audit.record(session, "loss.carried", by=by, now=now, detail=told)
    return row


def take_back(session: Session, loss_id: UUID, *, key: str, now: datetime, by: Actor) -> Loss:
    """Undo what `carry` booked under this key: the hot wallet has it again. Raises LossNotFound.

    An undecided loss ends here. One that is an expense already leaves suspense with a surplus, which two operators book
    as recovered.
    """
    row = locked(session, loss_id)
    booked = session.scalars(select(LedgerTransaction.id).where(LedgerTransaction.idempotency_key == key)).one()
    ledger.reverse(
        session, booked, key=f"{key}:taken_back", kind="loss_taken_back", effective_at=now, flow_id=row.flow_id
    )
    if row.state in OPEN:
        step = flows.Step(row.flow_id, LOSS, row.state, "returned", {})
        row.state = move(LOSS, row.state, "returned")
        flows.record(session, step, now=now, by=by)
    session.flush()
    audit.record(session, "loss.taken_back", by=by, now=now, detail={"loss_id": str(row.id), "state": row.state})
    return row

"""Move money between two users of this house: one ledger transaction and one flow, nothing else."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError, ensure
from domain.flows import INTERNAL_TRANSFER
from domain.house import HOUSE_ID
from domain.ids import new_id
from domain.ledger import InsufficientFunds, Transaction, Transfer
from models.deferred import Deferred
from models.user import User, UserKey
from services import assets, audit, flows, ledger, spending


class RecipientNotFound(StrongroomError):
    """Nobody here is known by that key."""

    code: ClassVar[str] = "recipient_not_found"


class SelfTransfer(StrongroomError):
    """Sender and recipient are the same person."""

    code: ClassVar[str] = "self_transfer"


RECEIVED = Deferred(
    "transfer_received", "uuid, uuid", "INSERT INTO received_transfers (user_id, flow_id) VALUES ($1, $2)"
)
"""What it moved is in the ledger; this is where its recipient finds it among all that ever reached them."""


@dataclass(frozen=True, slots=True)
class InternalTransfer:
    """A transfer that was carried out; it has the id of its flow."""

    flow_id: UUID
    transaction_id: int
    sender_id: UUID
    recipient_id: UUID
    asset_id: str
    amount_minor: int
    at: datetime


def transfer(
    session: Session,
    *,
    sender_id: UUID,
    recipient: str,
    asset_id: str,
    amount_minor: int,
    note: str | None,
    now: datetime,
    by: Actor,
) -> InternalTransfer:
    """Move an amount to the user known by the key or address `recipient`.

    Raises UnknownAsset, RecipientNotFound, SelfTransfer, InsufficientFunds, SpendingLimitExceeded (for an app).
    """
    asset = assets.get(session, asset_id)
    recipient_id = _recipient(session, recipient)
    if recipient_id == sender_id:
        raise SelfTransfer(fields={"to": ["is yourself"]})
    detail = {"to": str(recipient_id), "note": note}
    opening = flows.Opening(INTERNAL_TRANSFER, "completed", sender_id, asset.asset_id, amount_minor, detail)
    flow_id = flows.open_one(session, opening, now=now, by=by)
    legs = Transfer(
        debit_account=ledger.user_account(session, sender_id, asset_id),
        credit_account=ledger.user_account(session, recipient_id, asset_id),
        amount_minor=amount_minor,
    )
    transaction = Transaction(
        key=f"transfer:{new_id()}", kind="internal_transfer", legs=(legs,), flow_id=flow_id, effective_at=now
    )
    [outcome] = ledger.post(session, [transaction])
    if outcome.refused == "insufficient_funds":
        raise InsufficientFunds("amount: is more than is available", fields={"amount": ["is more than is available"]})
    ensure(outcome.refused is None, f"the ledger refused a transfer: {outcome.refused}")
    RECEIVED.later(session, recipient_id, flow_id)
    spending.count(session, asset, flow_id=flow_id, amount_minor=amount_minor, now=now, by=by)
    audit.record(session, "transfer.made", by=by, now=now, detail={"flow_id": str(flow_id)})
    return InternalTransfer(flow_id, outcome.transaction_id, sender_id, recipient_id, asset_id, amount_minor, now)


def _recipient(session: Session, recipient: str) -> UUID:
    found = session.scalars(
        select(User.id)
        .outerjoin(UserKey, UserKey.user_id == User.id)
        .where(
            or_(
                User.public_key == recipient,
                (UserKey.subject == recipient) & UserKey.removed_at.is_(None),
            ),
            # Whoever owns the house's addresses is nobody who could ever spend it.
            User.id != HOUSE_ID,
        )
        .limit(1)
    ).first()
    if found is None:
        raise RecipientNotFound(fields={"to": ["is not the key of anybody here"]})
    return found

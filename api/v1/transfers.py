"""Transfers between users of this installation."""

from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy.orm import Session

from api.blueprint import Blueprint
from api.guards import brought, caller, scope
from api.request_context import actor
from api.schemas import StrictSchema, Text, amount_field, moment
from api.v1 import money
from auth import sessions, signatures, users
from domain.ids import short_id
from domain.money import format_amount, parse_amount
from services import transfers
from services.idempotency import Answer

blueprint = Blueprint("transfers", __name__, description="Pay another user at once, free of network fees.")

NOTE_LENGTH_MAX = 140


class TransferRequest(StrictSchema):
    """The amount, the asset and the recipient: a user id, a public key or an address of theirs."""

    asset = Text(required=True)
    amount = amount_field()
    to = Text(required=True)
    note = Text(load_default=None, allow_none=True, length_max=NOTE_LENGTH_MAX)


class TransferItem(ma.Schema):
    """A completed transfer."""

    flow_id = ma.fields.UUID(required=True)
    flow = ma.fields.String(required=True)
    transaction_id = ma.fields.Integer(required=True)
    asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    to = ma.fields.UUID(required=True)
    at = ma.fields.DateTime(required=True)


# Read with the caller's session, to save the request a round trip.
_PURSES = sessions.Along("session_with_purses", transfers.question("caller.user_id"))


@blueprint.post("/transfers")
@scope("transfers:create", along=_PURSES)
@blueprint.needs_key
@blueprint.takes(TransferRequest)
@blueprint.answers(201, TransferItem)
def make_transfer(body: dict[str, Any]) -> Response:
    """Transfer an amount to another user, finally and at once."""

    def decide(session: Session, now: datetime) -> Answer:
        sender_id, asset_id, rows = caller().user_id, body["asset"], brought()
        if rows is None:
            purse = transfers.purse(session, sender_id, asset_id)
        else:
            purse = transfers.among(rows, session, sender_id=sender_id, asset_id=asset_id)
        asset = purse.asset
        made = transfers.transfer(
            session,
            sender_id=sender_id,
            recipient=_recipient(session, body["to"]),
            paid_from=purse,
            amount_minor=parse_amount(body["amount"], asset.decimals),
            note=body["note"],
            now=now,
            by=actor(),
        )
        return Answer(
            201,
            {
                "flow_id": str(made.flow_id),
                "flow": short_id(made.flow_id),
                "transaction_id": made.transaction_id,
                "asset": made.asset_id,
                "amount": format_amount(made.amount_minor, asset.decimals),
                "to": str(made.recipient_id),
                "at": moment(made.at),
            },
        )

    return money.once("transfer", body, decide)


def _recipient(session: Session, to: str) -> str:
    """The recipient's key as the ledger knows users; an invalid one is left for the look-up to refuse."""
    try:
        return signatures.normalise_subject(users.public_key_of(session, to))
    except signatures.MalformedKey:
        return to

"""The caller's claims that a payment was made."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from sqlalchemy.orm import Session

from api.blueprint import Blueprint
from api.guards import caller, client_id, scope
from api.request_context import actor, container
from api.schemas import PageQuery, StrictSchema, Text, id_cursor, json_answer, moment, page, page_schema
from api.v1 import money
from domain.flows import VERIFICATION
from domain.ids import short_id
from domain.money import format_amount, parse_amount
from domain.verification import REASONS
from models.verification import PaymentVerification
from services import assets, verifications
from services.idempotency import Answer

blueprint = Blueprint("payment-verifications", __name__, description="Claim a payment that was made already.")

REFERENCE_LENGTH_MAX = 200


class VerificationRequest(StrictSchema):
    """Which transaction paid which asset. `to` defaults to the receiving address of the installation."""

    chain = Text(required=True)
    tx_hash = ma.fields.Raw(required=True, metadata={"type": "string", "description": "As the chain spells it."})
    asset = Text(required=True)
    to = ma.fields.Raw(
        load_default=None,
        allow_none=True,
        metadata={"type": "string", "description": "The house's receiving address, or one of the app's own."},
    )
    amount = ma.fields.Raw(
        load_default=None,
        allow_none=True,
        metadata={
            "type": "string",
            "pattern": r"^(0|[1-9][0-9]*)(\.[0-9]+)?$",
            "description": "A decimal string in whole units; without it, whatever arrived.",
        },
    )
    reference = Text(required=True, length_max=REFERENCE_LENGTH_MAX)


class VerificationItem(ma.Schema):
    """One claim. `paid` is the amount found; `credited` says whether it was credited to the user's balance."""

    id = ma.fields.UUID(required=True)
    chain = ma.fields.String(required=True)
    tx_hash = ma.fields.String(required=True)
    asset = ma.fields.String(required=True)
    to = ma.fields.String(required=True)
    amount = ma.fields.String(required=True, allow_none=True)
    paid = ma.fields.String(required=True, allow_none=True)
    reference = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(list(VERIFICATION.states)))
    meaning = ma.fields.String(required=True)
    sentence = ma.fields.String(required=True)
    reason = ma.fields.String(required=True, allow_none=True, validate=ma.validate.OneOf(list(REASONS)))
    credited = ma.fields.Boolean(required=True)
    requested_at = ma.fields.DateTime(required=True)
    decided_at = ma.fields.DateTime(required=True, allow_none=True)
    correlation_id = ma.fields.String(required=True)
    flow = ma.fields.String(required=True)


@blueprint.post("/payment-verifications")
@scope("verifications:create")
@blueprint.needs_key
@blueprint.takes(VerificationRequest)
@blueprint.answers(201, VerificationItem)
def claim_payment(body: dict[str, Any]) -> Response:
    """Claim a payment; the answer comes before it is looked up on its chain."""

    def decide(session: Session, now: datetime) -> Answer:
        asset = assets.get(session, body["asset"])
        amount = body["amount"]
        row = verifications.request(
            session,
            user_id=caller().user_id,
            client_id=client_id(),
            asset=asset,
            chain=body["chain"],
            tx_hash=body["tx_hash"],
            to=body["to"],
            amount_minor=None if amount is None else parse_amount(amount, asset.decimals),
            reference=body["reference"],
            now=now,
            by=actor(),
        )
        return Answer(201, shape(row, asset.decimals))

    return money.once("payment_verification", body, decide)


@blueprint.get("/payment-verifications")
@scope("verifications:read")
@blueprint.takes(PageQuery, location="query")
@blueprint.answers(200, page_schema("VerificationPage", VerificationItem))
def list_verifications(query: dict[str, Any]) -> Response:
    """List the caller's claims, newest first; an app sees those that it made."""
    with container().reading() as session:
        rows = verifications.newest(
            session,
            caller().user_id,
            client_id=client_id(),
            before=id_cursor(query["cursor"]),
            limit=query["limit"] + 1,
        )
        decimals = assets.decimals(session)
    return json_answer(page(rows, query["limit"], lambda row: shape(row, decimals[row.asset_id]), lambda row: row.id))


@blueprint.get("/payment-verifications/<uuid:verification_id>")
@scope("verifications:read")
@blueprint.answers(200, VerificationItem)
def read_verification(verification_id: UUID) -> Response:
    """Read one of the caller's claims."""
    with container().reading() as session:
        row = verifications.one(session, verification_id, user_id=caller().user_id, client_id=client_id())
        decimals = assets.get(session, row.asset_id).decimals
    return json_answer(shape(row, decimals))


def shape(row: PaymentVerification, decimals: int) -> dict[str, Any]:
    """A claim, for whoever made it."""
    state = VERIFICATION.states[row.state]
    return {
        "id": str(row.id),
        "chain": row.chain,
        "tx_hash": row.tx_hash,
        "asset": row.asset_id,
        "to": row.recipient,
        "amount": None if row.amount_minor is None else format_amount(row.amount_minor, decimals),
        "paid": None if row.paid_minor is None else format_amount(row.paid_minor, decimals),
        "reference": row.reference,
        "state": row.state,
        "meaning": state.meaning,
        "sentence": REASONS[row.reason] if row.reason else state.sentence,
        "reason": row.reason,
        "credited": row.credit_transaction_id is not None,
        "requested_at": moment(row.requested_at),
        "decided_at": moment(row.decided_at),
        "correlation_id": row.correlation_id,
        "flow": short_id(row.flow_id),
    }

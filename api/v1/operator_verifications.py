"""Claimed payments for operators: all users' claims, the evidence, and repeated decisions."""

from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container, operator
from api.schemas import PageQuery, StrictSchema, id_cursor, json_answer, moment, page, page_schema
from api.v1.payment_verifications import VerificationItem, shape
from domain.claim_reading import Exchange, Reading
from domain.flows import VERIFICATION
from models.verification import PaymentVerification
from services import assets, verifications

blueprint = Blueprint("operator-verifications", __name__, description="Claimed payments, and deciding them again.")


class OperatorVerification(VerificationItem):
    """A claim and its user."""

    user_id = ma.fields.UUID(required=True)
    client_id = ma.fields.String(required=True, allow_none=True)
    attempts = ma.fields.Integer(required=True)


class EvidenceItem(ma.Schema):
    """One query to a provider and its answer."""

    provider = ma.fields.String(required=True)
    request = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    answer = ma.fields.String(required=True, allow_none=True)
    failure = ma.fields.String(required=True)
    asked_at = ma.fields.DateTime(required=True)
    duration_ms = ma.fields.Integer(required=True)


class VerificationDetail(OperatorVerification):
    """A claim with the evidence of the last look-up."""

    evidence = ma.fields.List(ma.fields.Nested(EvidenceItem), required=True)


class VerificationQuery(PageQuery):
    """Which claims: all, or those in one state."""

    state = ma.fields.String(load_default=None, validate=ma.validate.OneOf(list(VERIFICATION.states)))


class ReplayRequest(StrictSchema):
    """Whether to decide from the stored evidence or from a new look-up."""

    source = ma.fields.String(load_default="evidence", validate=ma.validate.OneOf(["evidence", "network"]))


@blueprint.get("/operator/payment-verifications")
@role("viewer")
@blueprint.takes(VerificationQuery, location="query")
@blueprint.answers(200, page_schema("OperatorVerificationPage", OperatorVerification))
def list_all(query: dict[str, Any]) -> Response:
    """List all users' claims, newest first."""
    with container().reading() as session:
        before = id_cursor(query["cursor"])
        rows = verifications.listed(session, state=query["state"], before=before, limit=query["limit"] + 1)
        decimals = assets.decimals(session)
    return json_answer(page(rows, query["limit"], lambda row: _shape(row, decimals[row.asset_id]), lambda row: row.id))


@blueprint.get("/operator/payment-verifications/<uuid:verification_id>")
@role("viewer")
@blueprint.answers(200, VerificationDetail)
def read_one(verification_id: UUID) -> Response:
    """Read one claim with the providers' answers."""
    with container().reading() as session:
        row = verifications.one(session, verification_id)
        decimals = assets.get(session, row.asset_id).decimals
        evidence = verifications.exchanges_of(session, row.id)
    return json_answer({**_shape(row, decimals), "evidence": [_shape_exchange(one) for one in evidence]})


@blueprint.post("/operator/payment-verifications/<uuid:verification_id>/replay")
@role("approver")
@blueprint.takes(ReplayRequest)
@blueprint.answers(200, OperatorVerification)
def replay(body: dict[str, Any], verification_id: UUID) -> Response:
    """Decide again about a rejected or uncertain claim; a verified one stays verified."""
    parts = container()
    if body["source"] == "evidence":
        with parts.reading() as session:
            row = verifications.one(session, verification_id)
            question = verifications.question_of(session, row)
            evidence = verifications.exchanges_of(session, row.id)
        reader = parts.verifiers.get(row.chain)
        reading = reader.reread(question, evidence) if reader else Reading(None, "not_configured", ())
        with parts.transaction() as session:
            verifications.replayed(session, verification_id, reading, now=parts.now(), by=operator(), carry_out=True)
    else:
        with parts.transaction() as session:
            verifications.ask_again(session, verification_id, now=parts.now(), by=operator())
    with parts.reading() as session:
        row = verifications.one(session, verification_id)
        decimals = assets.get(session, row.asset_id).decimals
    return json_answer(_shape(row, decimals))


def _shape(row: PaymentVerification, decimals: int) -> dict[str, Any]:
    return {
        **shape(row, decimals),
        "user_id": str(row.user_id),
        "client_id": row.client_id,
        "attempts": row.attempts,
    }


def _shape_exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "provider": exchange.provider,
        "request": exchange.request,
        "status": exchange.status,
        "answer": exchange.answer,
        "failure": exchange.failure,
        "asked_at": moment(exchange.asked_at),
        "duration_ms": exchange.duration_ms,
    }

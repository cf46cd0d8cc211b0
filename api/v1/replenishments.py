"""Replenishments: orders to fund buffers, proposed by rule, decided by operators."""

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response
from sqlalchemy.orm import Session

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container, operator
from api.schemas import PageQuery, StrictSchema, Text, id_cursor, json_answer, moment, page, page_schema
from domain.ids import short_id
from domain.money import format_amount, parse_amount
from models.replenishment import Replenishment
from services import assets, replenishments

blueprint = Blueprint("replenishments", __name__, description="Fund what runs low.")

REASON_LENGTH_MAX: Final = 500


class ReplenishmentItem(ma.Schema):
    """One order. Once it is approved, `address` is where to send the funds."""

    id = ma.fields.UUID(required=True)
    flow = ma.fields.String(required=True)
    asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    received = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    address = ma.fields.String(required=True, allow_none=True)
    proposed_at = ma.fields.DateTime(required=True)
    approved_at = ma.fields.DateTime(required=True, allow_none=True)
    approved_by = ma.fields.String(required=True, allow_none=True)
    expires_at = ma.fields.DateTime(required=True)
    closed_at = ma.fields.DateTime(required=True, allow_none=True)
    closed_because = ma.fields.String(required=True, allow_none=True)


class CancelRequest(StrictSchema):
    """The reason, which is recorded with the operator."""

    reason = Text(required=True, length_max=REASON_LENGTH_MAX)


class ProposeRequest(StrictSchema):
    """The asset, the amount and the reason."""

    asset = Text(required=True, length_max=80)
    amount = Text(required=True, length_max=120, metadata={"example": "1.5"})
    reason = Text(required=True, length_max=REASON_LENGTH_MAX)


@blueprint.get("/operator/replenishments")
@role("viewer")
@blueprint.takes(PageQuery, location="query")
@blueprint.answers(200, page_schema("ReplenishmentPage", ReplenishmentItem))
def list_replenishments(query: dict[str, Any]) -> Response:
    """List all replenishments, newest first."""
    with container().reading() as session:
        rows = replenishments.newest(session, before=id_cursor(query["cursor"]), limit=query["limit"] + 1)
        decimals, paid_to = assets.decimals(session), replenishments.addresses_of(session, rows)
    return json_answer(
        page(
            rows,
            query["limit"],
            lambda row: _shaped(row, decimals[row.asset_id], paid_to.get(row.id)),
            lambda row: row.id,
        )
    )


@blueprint.post("/operator/replenishments")
@role("approver")
@blueprint.takes(ProposeRequest)
@blueprint.answers(201, ReplenishmentItem)
def propose(body: dict[str, Any]) -> Response:
    """Propose to fund a buffer before it is low. Each asset can have one open order; another is refused."""
    parts = container()
    with parts.transaction() as session:
        amount_minor = parse_amount(body["amount"], assets.get(session, body["asset"]).decimals)
        facts = {"reason": body["reason"], "now": parts.now(), "by": operator()}
        row = replenishments.propose(session, body["asset"], amount_minor, **facts)
        answer = _shape(session, row)
    return json_answer(answer, HTTPStatus.CREATED)


@blueprint.post("/operator/replenishments/<uuid:replenishment_id>/approve")
@role("approver")
@blueprint.answers(200, ReplenishmentItem)
def approve(replenishment_id: UUID) -> Response:
    """Approve a replenishment; the answer has the address to pay to."""
    parts = container()
    with parts.transaction() as session:
        row = replenishments.approve(session, replenishment_id, now=parts.now(), by=operator())
        answer = _shape(session, row)
    return json_answer(answer)


@blueprint.post("/operator/replenishments/<uuid:replenishment_id>/cancel")
@role("approver")
@blueprint.takes(CancelRequest)
@blueprint.answers(200, ReplenishmentItem)
def cancel(body: dict[str, Any], replenishment_id: UUID) -> Response:
    """Cancel a replenishment. Funds that still arrive at its address belong to the installation."""
    parts = container()
    with parts.transaction() as session:
        facts = {"reason": body["reason"], "now": parts.now(), "by": operator()}
        row = replenishments.cancel(session, replenishment_id, **facts)
        answer = _shape(session, row)
    return json_answer(answer)


def _shape(session: Session, row: Replenishment) -> dict[str, Any]:
    decimals = assets.get(session, row.asset_id).decimals
    return _shaped(row, decimals, replenishments.address_of(session, row))


def _shaped(row: Replenishment, decimals: int, address: str | None) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "flow": short_id(row.flow_id),
        "asset": row.asset_id,
        "amount": format_amount(row.amount_minor, decimals),
        "received": format_amount(row.received_minor, decimals),
        "state": row.state,
        "reason": row.reason,
        "address": address,
        "proposed_at": moment(row.proposed_at),
        "approved_at": moment(row.approved_at),
        "approved_by": row.approved_by,
        "expires_at": moment(row.expires_at),
        "closed_at": moment(row.closed_at),
        "closed_because": row.closed_because,
    }

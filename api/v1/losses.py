"""Losses and gains carried in suspense: proposed by one operator, booked by another."""

from collections.abc import Callable
from functools import partial
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
from models.loss import Loss
from services import assets, losses

blueprint = Blueprint("losses", __name__, description="Book what suspense carries and nothing will explain any more.")

REASON_LENGTH_MAX: Final = 500


class LossItem(ma.Schema):
    """One amount in suspense; `is_gain` if it is a surplus, because an amount booked as a loss came back."""

    id = ma.fields.UUID(required=True)
    flow = ma.fields.String(required=True)
    asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    is_gain = ma.fields.Boolean(required=True)
    tx_hash = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "The payment that nothing explains, if it is one."}
    )
    state = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    created_at = ma.fields.DateTime(required=True)
    proposed_at = ma.fields.DateTime(required=True, allow_none=True)
    proposed_by = ma.fields.String(required=True, allow_none=True)
    decided_at = ma.fields.DateTime(required=True, allow_none=True)
    decided_by = ma.fields.String(required=True, allow_none=True)


class CarriedItem(ma.Schema):
    """What suspense lacks of one asset; negative for a surplus."""

    asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)


class Carried(ma.Schema):
    """What suspense lacks of each asset, without assets where nothing is missing."""

    items = ma.fields.List(ma.fields.Nested(CarriedItem), required=True)


class ProposeLoss(StrictSchema):
    """How much of the shortfall is lost for good, and why."""

    asset = Text(required=True, length_max=80)
    amount = Text(required=True, length_max=120, metadata={"example": "0.25"})
    reason = Text(required=True, length_max=REASON_LENGTH_MAX)


class LossReason(StrictSchema):
    """The reason, which is recorded with the operator."""

    reason = Text(required=True, length_max=REASON_LENGTH_MAX)


@blueprint.get("/operator/losses")
@role("viewer")
@blueprint.takes(PageQuery, location="query")
@blueprint.answers(200, page_schema("LossPage", LossItem))
def list_losses(query: dict[str, Any]) -> Response:
    """List all losses and gains, newest first."""
    with container().reading() as session:
        rows = losses.newest(session, before=id_cursor(query["cursor"]), limit=query["limit"] + 1)
        return json_answer(page(rows, query["limit"], lambda row: _shape(session, row), lambda row: row.id))


@blueprint.get("/operator/suspense")
@role("viewer")
@blueprint.answers(200, Carried)
def list_carried() -> Response:
    """List what suspense lacks of each asset: losses that are not booked. What it owes to depositors does not count."""
    with container().reading() as session:
        carried = [(asset, losses.carried(session, asset.asset_id)) for asset in assets.every(session)]
    items = [
        {
            "asset": asset.asset_id,
            "amount": ("-" if minor < 0 else "") + format_amount(abs(minor), asset.decimals),
        }
        for asset, minor in carried
        if minor
    ]
    return json_answer({"items": items})


@blueprint.post("/operator/losses")
@role("approver")
@blueprint.takes(ProposeLoss)
@blueprint.answers(201, LossItem)
def propose(body: dict[str, Any]) -> Response:
    """Propose to book part of a shortfall in suspense as a loss, or of a surplus as a gain."""

    def ask(session: Session, **facts: Any) -> Loss:
        amount_minor = parse_amount(body["amount"], assets.get(session, body["asset"]).decimals)
        return losses.propose(session, body["asset"], amount_minor, reason=body["reason"], **facts)

    return _decided(ask, HTTPStatus.CREATED)


@blueprint.post("/operator/losses/<uuid:loss_id>/propose")
@role("approver")
@blueprint.takes(LossReason)
@blueprint.answers(200, LossItem)
def propose_payment(body: dict[str, Any], loss_id: UUID) -> Response:
    """Propose to book a payment that suspense carries as an entry of its own."""
    return _decided(partial(losses.propose_payment, loss_id=loss_id, reason=body["reason"]))


@blueprint.post("/operator/losses/<uuid:loss_id>/agree")
@role("approver")
@blueprint.answers(200, LossItem)
def agree(loss_id: UUID) -> Response:
    """Book a proposed loss or gain. The operator who proposed it cannot."""
    return _decided(partial(losses.agree, loss_id=loss_id))


@blueprint.post("/operator/losses/<uuid:loss_id>/refuse")
@role("approver")
@blueprint.takes(LossReason)
@blueprint.answers(200, LossItem)
def refuse(body: dict[str, Any], loss_id: UUID) -> Response:
    """Reject a proposal; the amount stays in suspense."""
    return _decided(partial(losses.refuse, loss_id=loss_id, reason=body["reason"]))


def _decided(decision: Callable[..., Loss], status: int = HTTPStatus.OK) -> Response:
    """The loss after this decision of the caller."""
    parts = container()
    with parts.transaction() as session:
        answer = _shape(session, decision(session, now=parts.now(), by=operator()))
    return json_answer(answer, status)


def _shape(session: Session, row: Loss) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "flow": short_id(row.flow_id),
        "asset": row.asset_id,
        "amount": format_amount(row.amount_minor, assets.get(session, row.asset_id).decimals),
        "is_gain": row.is_gain,
        "tx_hash": row.txid,
        "state": row.state,
        "reason": row.reason,
        "created_at": moment(row.created_at),
        "proposed_at": moment(row.proposed_at),
        "proposed_by": row.proposed_by,
        "decided_at": moment(row.decided_at),
        "decided_by": row.decided_by,
    }

"""Quarantined deposits, and operators' decisions about them."""

from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response
from sqlalchemy.orm import Session

from api.blueprint import Blueprint
from api.guards import caller, role
from api.request_context import container, operator
from api.schemas import PageQuery, StrictSchema, Text, id_cursor, json_answer, moment, page, page_schema
from api.v1.deposits import DepositItem, Facts
from models.deposit import Deposit
from services import deposits

blueprint = Blueprint("operator-deposits", __name__, description="Set aside, release, pay back.")

REASON_LENGTH_MAX: Final = 500
CAUSE: Final = "operator"


class QuarantinedItem(DepositItem):
    """A deposit that is or was quarantined: its user, the cause, and the decision."""

    user_id = ma.fields.UUID(required=True)
    cause = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    set_aside_at = ma.fields.DateTime(required=True)
    set_aside_by = ma.fields.String(required=True)
    in_suspense = ma.fields.Boolean(
        required=True, metadata={"description": "Whether suspense has its money: it is confirmed and may be paid back."}
    )
    decision = ma.fields.String(required=True, allow_none=True, validate=ma.validate.OneOf(["release", "return"]))
    decision_reason = ma.fields.String(required=True, allow_none=True)
    decided_at = ma.fields.DateTime(required=True, allow_none=True)
    decided_by = ma.fields.String(required=True, allow_none=True)
    return_withdrawal_id = ma.fields.UUID(required=True, allow_none=True)


class Reasoned(StrictSchema):
    """The reason, which is recorded with the operator."""

    reason = Text(required=True, length_max=REASON_LENGTH_MAX)


class ReturnRequest(Reasoned):
    """Where to return the deposit: ask its sender, since the sender that a chain shows may not be theirs."""

    destination = ma.fields.Raw(required=True, metadata={"type": "string"})


@blueprint.get("/operator/deposits/quarantined")
@role("viewer")
@blueprint.takes(PageQuery, location="query")
@blueprint.answers(200, page_schema("QuarantinedPage", QuarantinedItem))
def list_quarantined(query: dict[str, Any]) -> Response:
    """List the deposits that wait for a decision, oldest first."""
    with container().reading() as session:
        rows = deposits.undecided(session, after=id_cursor(query["cursor"]), limit=query["limit"] + 1)
        items = {item["id"]: item for item in _items(session, rows)}
    return json_answer(page(rows, query["limit"], lambda row: items[str(row.id)], lambda row: row.id))


@blueprint.post("/operator/deposits/<uuid:deposit_id>/quarantine")
@role("approver")
@blueprint.takes(Reasoned)
@blueprint.answers(200, QuarantinedItem)
def quarantine(body: dict[str, Any], deposit_id: UUID) -> Response:
    """Quarantine a deposit that is not credited yet; repeating it keeps the first cause."""
    return _act(deposits.quarantine, deposit_id, cause=CAUSE, reason=body["reason"])


@blueprint.post("/operator/deposits/<uuid:deposit_id>/release")
@role("approver")
@blueprint.takes(Reasoned)
@blueprint.answers(200, QuarantinedItem)
def release(body: dict[str, Any], deposit_id: UUID) -> Response:
    """Release another user's quarantined deposit: it will be credited."""
    return _act(deposits.release, deposit_id, decider_id=caller().user_id, reason=body["reason"])


@blueprint.post("/operator/deposits/<uuid:deposit_id>/return")
@role("approver")
@blueprint.takes(ReturnRequest)
@blueprint.answers(200, QuarantinedItem)
def give_back(body: dict[str, Any], deposit_id: UUID) -> Response:
    """Return another user's confirmed deposit; a second approver must agree, since this one chose the destination.

    One is enough if it goes to the only address known to have paid, up to the limit of any withdrawal.
    """
    return _act(
        deposits.give_back,
        deposit_id,
        decider_id=caller().user_id,
        destination=body["destination"],
        reason=body["reason"],
    )


def _act(decision: Any, deposit_id: UUID, **facts: Any) -> Response:
    parts = container()
    with parts.transaction() as session:
        decision(session, deposit_id, now=parts.now(), by=operator(), **facts)
        session.flush()
        [answer] = _items(session, [session.get_one(Deposit, deposit_id)])
    return json_answer(answer)


def _items(session: Session, rows: Any) -> list[dict[str, Any]]:
    facts = Facts(session)
    why = deposits.of_deposits(session, [row.id for row in rows])
    return [
        {
            **facts.shape(row),
            "user_id": str(row.user_id),
            "cause": why[row.id].cause,
            "reason": why[row.id].reason,
            "set_aside_at": moment(why[row.id].set_aside_at),
            "set_aside_by": why[row.id].set_aside_by,
            "in_suspense": why[row.id].held_transaction_id is not None,
            "decision": why[row.id].decision,
            "decision_reason": why[row.id].decision_reason,
            "decided_at": moment(why[row.id].decided_at),
            "decided_by": why[row.id].decided_by,
            "return_withdrawal_id": str(why[row.id].return_withdrawal_id) if why[row.id].return_withdrawal_id else None,
        }
        for row in rows
    ]

"""The caller's withdrawals."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response
from sqlalchemy.orm import Session

from api.blueprint import Blueprint
from api.guards import brought, caller, scope
from api.request_context import actor, container
from api.schemas import (
    PageQuery,
    StrictSchema,
    Text,
    amount_field,
    id_cursor,
    json_answer,
    moment,
    page,
    page_schema,
)
from api.v1 import money
from auth import sessions
from domain.beneficiaries import masked
from domain.flows import WITHDRAWAL
from domain.ids import short_id
from domain.money import format_amount, parse_amount
from models.payout import PayoutTransaction
from models.withdrawal import Withdrawal
from services import assets, payouts, withdrawals
from services.idempotency import Answer, Asked
from services.withdrawals import terms, together
from wiring import accepting

blueprint = Blueprint("withdrawals", __name__, description="Send money out.")


class WithdrawalRequest(StrictSchema):
    """The amount, the asset and the destination. The fee is added to the amount."""

    asset = Text(required=True)
    amount = amount_field()
    destination = ma.fields.Raw(
        required=True, metadata={"type": "string", "description": "An address on the asset's chain."}
    )
    beneficiary_name = Text(
        metadata={
            "description": "Who is paid, as their bank or mobile network knows them: needed for mobile money, and for "
            "banks in some currencies; to be left out where a chain is paid on. Answers show it in part."
        },
    )


class WithdrawalItem(ma.Schema):
    """One withdrawal. `waiting_reason` is the code of what an approved one waits for.

    `made_after_all`: it failed, and its provider reports that it was paid after all; an operator settles that.
    """

    id = ma.fields.UUID(required=True)
    asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    fee = ma.fields.String(required=True)
    chain = ma.fields.String(required=True)
    destination = ma.fields.String(required=True)
    beneficiary_name = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "Who is paid, in part: the first letter of each word."}
    )
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(list(WITHDRAWAL.states)))
    meaning = ma.fields.String(required=True)
    sentence = ma.fields.String(required=True)
    waiting_reason = ma.fields.String(required=True, allow_none=True)
    approvals_needed = ma.fields.Integer(required=True)
    requested_at = ma.fields.DateTime(required=True)
    state_changed_at = ma.fields.DateTime(required=True)
    closed_at = ma.fields.DateTime(required=True, allow_none=True)
    flow = ma.fields.String(required=True)


class SignedForm(ma.Schema):
    """A transaction that pays the withdrawal; of several, at most one can ever confirm."""

    txid = ma.fields.String(required=True)
    fee = ma.fields.String(required=True)
    signed_at = ma.fields.DateTime(required=True)


class WithdrawalDetail(WithdrawalItem):
    """One withdrawal with the transactions that pay it."""

    transactions = ma.fields.List(ma.fields.Nested(SignedForm), required=True)


# Read with the caller's session, to save the request a round trip.
_TERMS = sessions.Along("session_with_withdrawal_terms", terms.question("caller.user_id"))


@blueprint.post("/withdrawals")
@scope("withdrawals:create", along=_TERMS)
@blueprint.needs_key
@blueprint.takes(WithdrawalRequest)
@blueprint.answers(201, WithdrawalItem)
def request_withdrawal(body: dict[str, Any]) -> Response:
    """Request a withdrawal: its amount and fee are held."""

    def decide(session: Session, now: datetime) -> Answer:
        user_id, asset_id, rows = caller().user_id, body["asset"], brought()
        if rows is None:
            known = terms.read(session, user_id=user_id, asset_id=asset_id)
        else:
            known = terms.among(rows, session, user_id=user_id, asset_id=asset_id)
        withdrawal = withdrawals.request(
            session,
            user_id=user_id,
            asset_id=asset_id,
            amount_minor=parse_amount(body["amount"], known.asset.decimals),
            destination=body["destination"],
            now=now,
            by=actor(),
            terms=known,
            beneficiary_name=body.get("beneficiary_name"),
        )
        return Answer(201, shape(withdrawal, known.asset.decimals))

    return money.once("withdrawal", body, decide, accept=partial(_accept, body))


def _accept(body: dict[str, Any], asked: Asked, now: datetime) -> Answer | None:
    """Accept the usual case in one batch with simultaneous requests: a person, whose terms came with their session."""
    rows = brought()
    known = None if rows is None else terms.standing(rows, asset_id=body["asset"])
    if known is None:
        return None
    decimals = known.asset.decimals
    withdrawal = together.usual(
        known,
        user_id=asked.user_id,
        amount_minor=parse_amount(body["amount"], decimals),
        destination=body["destination"],
        beneficiary_name=body.get("beneficiary_name"),
        now=now,
    )
    if withdrawal is None:
        return None
    answer = Answer(201, shape(withdrawal, decimals))
    accepted = accepting.accept(container(), known, withdrawal, asked=asked, answer=answer, by=actor())
    return answer if accepted else None


@blueprint.get("/withdrawals")
@scope("withdrawals:read")
@blueprint.takes(PageQuery, location="query")
@blueprint.answers(200, page_schema("WithdrawalPage", WithdrawalItem))
def list_withdrawals(query: dict[str, Any]) -> Response:
    """List the caller's withdrawals, newest first."""
    with container().reading() as session:
        before = id_cursor(query["cursor"])
        rows = withdrawals.newest(session, caller().user_id, before=before, limit=query["limit"] + 1)
        decimals = assets.decimals(session)
    return json_answer(page(rows, query["limit"], lambda row: shape(row, decimals[row.asset_id]), lambda row: row.id))


@blueprint.get("/withdrawals/<uuid:withdrawal_id>")
@scope("withdrawals:read")
@blueprint.answers(200, WithdrawalDetail)
def read_withdrawal(withdrawal_id: UUID) -> Response:
    """Read one of the caller's withdrawals."""
    with container().reading() as session:
        row = withdrawals.one(session, withdrawal_id, user_id=caller().user_id)
        decimals = assets.get(session, row.asset_id).decimals
        forms = payouts.forms_of(session, row.payout_id) if row.payout_id else ()
    return json_answer({**shape(row, decimals), "transactions": shape_forms(forms, decimals)})


@blueprint.post("/withdrawals/<uuid:withdrawal_id>/cancel")
@scope("withdrawals:create")
@blueprint.answers(200, WithdrawalItem)
def cancel_withdrawal(withdrawal_id: UUID) -> Response:
    """Cancel a withdrawal that is not signed yet and release its funds. An app can cancel only its own."""
    parts = container()
    with parts.transaction() as session:
        row = withdrawals.cancel(session, withdrawal_id, user_id=caller().user_id, now=parts.now(), by=actor())
        decimals = assets.get(session, row.asset_id).decimals
    return json_answer(shape(row, decimals))


def shape(row: Withdrawal, decimals: int) -> dict[str, Any]:
    """A withdrawal, for its owner."""
    state = WITHDRAWAL.states[row.state]
    return {
        "id": str(row.id),
        "asset": row.asset_id,
        "amount": format_amount(row.amount_minor, decimals),
        "fee": format_amount(row.fee_minor, decimals),
        "chain": row.chain,
        "destination": row.destination,
        "beneficiary_name": masked(row.beneficiary_name) if row.beneficiary_name else None,
        "state": row.state,
        "meaning": state.meaning,
        "sentence": state.sentence,
        "waiting_reason": row.waiting_reason,
        "approvals_needed": row.approvals_needed,
        "requested_at": moment(row.requested_at),
        "state_changed_at": moment(row.state_changed_at),
        "closed_at": moment(row.closed_at),
        "flow": short_id(row.flow_id),
    }


def shape_forms(forms: Sequence[PayoutTransaction], decimals: int) -> list[dict[str, Any]]:
    """The signed transactions of a payout, oldest first."""
    return [
        {"txid": form.txid, "fee": format_amount(form.fee_minor, decimals), "signed_at": moment(form.signed_at)}
        for form in forms
    ]

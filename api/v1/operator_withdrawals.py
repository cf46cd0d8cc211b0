"""Withdrawals for operators: those that wait, and the decisions about them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response
from sqlalchemy.orm import Session

from api.blueprint import Blueprint
from api.guards import caller, role
from api.possessives import for_reader
from api.request_context import container, operator
from api.schemas import PageQuery, StrictSchema, Text, id_cursor, json_answer, moment, page, page_schema
from api.v1.flows import FlowApproval
from api.v1.withdrawals import SignedForm, WithdrawalItem, shape, shape_forms
from domain.flows import WITHDRAWAL, WrongState
from models.payout_assertion import PayoutAssertion
from models.payout_made_after_all import PayoutMadeAfterAll
from models.withdrawal import Withdrawal, WithdrawalApproval
from services import assets, payouts, withdrawals

blueprint = Blueprint("operator-withdrawals", __name__, description="Approve, reject, resolve.")

REASON_LENGTH_MAX: Final = 500
_OPEN: Final = tuple(state for state in WITHDRAWAL.states if not WITHDRAWAL.closed(state))


_RESOLUTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "retry": payouts.retry,
    "bump": payouts.ask_for_bump,
    "cancel": payouts.ask_for_cancel,
    "give_up": payouts.give_up,
    "never_made": payouts.say_never_made,
    "book_return": payouts.book_return,
    "book_as_lost": payouts.book_as_lost,
    "recover": payouts.recover,
}
_IT_IS: Final = "it_is"


class OperatorQuery(PageQuery):
    """Which withdrawals."""

    state = ma.fields.String(
        load_default="pending_approval",
        validate=ma.validate.OneOf([*WITHDRAWAL.states, "open"]),
        metadata={"description": "One state, or `open` for every withdrawal that has not come to rest."},
    )


class OperatorItem(WithdrawalItem):
    """A withdrawal, its user, and who decided about it."""

    user_id = ma.fields.UUID(required=True)
    payout_id = ma.fields.UUID(required=True, allow_none=True)
    approvals = ma.fields.List(ma.fields.Nested(FlowApproval), required=True)


class Assertion(ma.Schema):
    """The operators' last assertion on a payment unknown to its provider, and whether the provider confirms it.

    Without a `provider_id`: it was never made, which takes two operators. `upheld` is null until the provider answered.
    """

    provider_id = ma.fields.String(required=True, allow_none=True)
    said_by = ma.fields.String(required=True)
    said_at = ma.fields.String(required=True)
    agreed_by = ma.fields.String(required=True, allow_none=True)
    upheld = ma.fields.Boolean(required=True, allow_none=True)
    answer = ma.fields.String(required=True, allow_none=True)


class MadeAfterAll(ma.Schema):
    """The provider's report on a payment that had failed, and who bears it: `lost`, `recovered`, or undecided."""

    said = ma.fields.String(required=True, validate=ma.validate.OneOf(["pending", "completed", "failed"]))
    said_at = ma.fields.DateTime(required=True)
    settled_how = ma.fields.String(required=True, allow_none=True)
    settled_at = ma.fields.DateTime(required=True, allow_none=True)
    settled_by = ma.fields.String(required=True, allow_none=True)
    loss_id = ma.fields.UUID(required=True, allow_none=True)


class OperatorDetail(OperatorItem):
    """The same with the transactions that pay it."""

    transactions = ma.fields.List(ma.fields.Nested(SignedForm), required=True)
    assertion = ma.fields.Nested(Assertion, required=True, allow_none=True)
    made_after_all = ma.fields.Nested(MadeAfterAll, required=True, allow_none=True)


class Rejection(StrictSchema):
    """The reason, which the user can read."""

    reason = Text(required=True, length_max=REASON_LENGTH_MAX)


class Resolution(StrictSchema):
    """What to do about a payment whose outcome is unknown, or that came back."""

    action = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf([*_RESOLUTIONS, _IT_IS]),
        metadata={
            "description": "retry: send the same bytes again. bump: raise its fee. cancel: replace it by one that pays "
            "nobody, where the rail can; a block decides which was first. give_up: fail it, if that is proved. "
            "it_is: it is the provider's payment of this `provider_id`, if that one fits. never_made: it is none of "
            "the provider's; two operators say so, and the provider is asked before the funds go back. "
            "book_return: give back what was paid, if the provider says that it came back. recover: take from its "
            "owner what failed and was made after all. book_as_lost: have suspense carry that, and propose to book it."
        },
    )
    provider_id = Text(
        load_default="",
        length_max=64,
        metadata={"description": "For it_is alone: what the provider calls its payment."},
    )


@blueprint.get("/operator/withdrawals")
@role("viewer")
@blueprint.takes(OperatorQuery, location="query")
@blueprint.answers(200, page_schema("OperatorWithdrawalPage", OperatorItem))
def list_waiting(query: dict[str, Any]) -> Response:
    """List all users' withdrawals in a state, oldest first."""
    states = _OPEN if query["state"] == "open" else (query["state"],)
    with container().reading() as session:
        after = id_cursor(query["cursor"])
        rows = withdrawals.in_states(session, states, after=after, limit=query["limit"] + 1)
        decimals = assets.decimals(session)
        given = withdrawals.approvals_of_many(session, [row.id for row in rows])
    return json_answer(
        page(
            rows,
            query["limit"],
            lambda row: _shaped(row, decimals[row.asset_id], given[row.id]),
            lambda row: row.id,
        )
    )


@blueprint.get("/operator/withdrawals/<uuid:withdrawal_id>")
@role("viewer")
@blueprint.answers(200, OperatorDetail)
def read_any(withdrawal_id: UUID) -> Response:
    """Read any user's withdrawal."""
    with container().reading() as session:
        row = withdrawals.one(session, withdrawal_id)
        body = _detail(session, row)
    return json_answer(body)


@blueprint.post("/operator/withdrawals/<uuid:withdrawal_id>/approve")
@role("approver")
@blueprint.answers(200, OperatorItem)
def approve(withdrawal_id: UUID) -> Response:
    """Approve another user's withdrawal; it proceeds once enough approvers have."""
    parts = container()
    with parts.transaction() as session:
        row = withdrawals.approve(session, withdrawal_id, approver_id=caller().user_id, now=parts.now(), by=operator())
        body = _item(session, row)
    return json_answer(body)


@blueprint.post("/operator/withdrawals/<uuid:withdrawal_id>/reject")
@role("approver")
@blueprint.takes(Rejection)
@blueprint.answers(200, OperatorItem)
def reject(body: dict[str, Any], withdrawal_id: UUID) -> Response:
    """Reject another user's withdrawal and release its funds."""
    parts = container()
    with parts.transaction() as session:
        row = withdrawals.reject(
            session,
            withdrawal_id,
            approver_id=caller().user_id,
            reason=body["reason"],
            now=parts.now(),
            by=operator(),
        )
        answer = _item(session, row)
    return json_answer(answer)


@blueprint.post("/operator/withdrawals/<uuid:withdrawal_id>/resolve")
@role("approver")
@blueprint.takes(Resolution)
@blueprint.answers(200, OperatorDetail)
def resolve(body: dict[str, Any], withdrawal_id: UUID) -> Response:
    """Resolve the payment of a withdrawal, for all the withdrawals that it pays."""
    parts = container()
    with parts.transaction() as session:
        row = withdrawals.one(session, withdrawal_id)
        if row.payout_id is None:
            raise WrongState(f"this withdrawal is {row.state}; nothing was signed for it yet")
        if body["action"] == _IT_IS:
            named = body["provider_id"]
            payouts.say_it_is(session, row.payout_id, provider_id=named, now=parts.now(), by=operator())
        else:
            _RESOLUTIONS[body["action"]](session, row.payout_id, now=parts.now(), by=operator())
        answer = _detail(session, row)
    return json_answer(answer)


def _item(session: Session, row: Withdrawal) -> dict[str, Any]:
    return _shaped(row, assets.get(session, row.asset_id).decimals, withdrawals.approvals_of(session, row.id))


def _shaped(row: Withdrawal, decimals: int, approvals: Sequence[WithdrawalApproval]) -> dict[str, Any]:
    return {
        **shape(row, decimals),
        "sentence": for_reader(WITHDRAWAL.states[row.state].sentence, is_owner=row.user_id == caller().user_id),
        "user_id": str(row.user_id),
        "payout_id": str(row.payout_id) if row.payout_id else None,
        "approvals": [
            {
                "approver_id": str(decision.approver_id),
                "decision": decision.decision,
                "reason": decision.reason,
                "decided_at": moment(decision.decided_at),
            }
            for decision in approvals
        ],
    }


def _detail(session: Session, row: Withdrawal) -> dict[str, Any]:
    forms = payouts.forms_of(session, row.payout_id) if row.payout_id else ()
    decimals = assets.get(session, row.asset_id).decimals
    said = payouts.assertion_of(session, row.payout_id) if row.payout_id else None
    made = payouts.made_after_all_of(session, row.payout_id) if row.payout_id else None
    return {
        **_item(session, row),
        "transactions": shape_forms(forms, decimals),
        "assertion": None if said is None else _assertion(said),
        "made_after_all": None if made is None else _made(made),
    }


def _assertion(row: PayoutAssertion) -> dict[str, Any]:
    return {
        "provider_id": row.provider_id,
        "said_by": row.said_by,
        "said_at": moment(row.said_at),
        "agreed_by": row.agreed_by,
        "upheld": row.is_upheld,
        "answer": row.answer,
    }


def _made(row: PayoutMadeAfterAll) -> dict[str, Any]:
    return {
        "said": row.said,
        "said_at": moment(row.said_at),
        "settled_how": row.settled_how,
        "settled_at": moment(row.settled_at),
        "settled_by": row.settled_by,
        "loss_id": str(row.loss_id) if row.loss_id else None,
    }

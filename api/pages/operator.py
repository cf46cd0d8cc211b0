"""The operator's board, and the decisions taken on it."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, abort, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import role
from api.pages import board
from api.pages.context import page, see, typed
from api.pages.flow import show_flow
from api.request_context import container, operator
from api.statuses import status_of
from domain.errors import StrongroomError
from domain.ids import short_id
from services import payouts, withdrawals

blueprint = Blueprint("operator", __name__)

REASON_LENGTH_MAX: Final = 500

Decision = Callable[[Session], object]
RESOLUTIONS: Final[dict[str, Callable[..., object]]] = {
    "retry": payouts.retry,
    "bump": payouts.ask_for_bump,
    "cancel": payouts.ask_for_cancel,
    "give_up": payouts.give_up,
    "book_return": payouts.book_return,
    "book_as_lost": payouts.book_as_lost,
    "recover": payouts.recover,
}
"""The actions on a signed payment, by the name of the button."""
SAID: Final[dict[str, Callable[..., object]]] = {
    "never_made": payouts.say_never_made,
    "it_is": lambda session, payout_id, **by: payouts.say_it_is(
        session, payout_id, provider_id=typed("provider_id"), **by
    ),
}
"""The assertions on a payment unknown to its provider."""
GRAVE: Final = frozenset({"give_up", "book_return", "book_as_lost", "recover", "never_made"})
"""The final ones, for which the flow's short id is typed first."""


@blueprint.get("/operator")
@role("viewer")
def show() -> Response:
    """Show health, buffers, alerts, and everything that waits for an operator."""
    return _board()


@blueprint.post("/operator/withdrawals/<uuid:withdrawal_id>/approve")
@role("approver")
def approve(withdrawal_id: UUID) -> Response:
    """Approve a withdrawal."""
    parts, caller = container(), guards.caller()
    return _decide(
        withdrawal_id,
        lambda session: withdrawals.approve(
            session, withdrawal_id, approver_id=caller.user_id, now=parts.now(), by=operator()
        ),
    )


@blueprint.post("/operator/withdrawals/<uuid:withdrawal_id>/reject")
@role("approver")
def reject(withdrawal_id: UUID) -> Response:
    """Reject a withdrawal, with a reason, after its short id was typed."""
    parts, caller = container(), guards.caller()
    reason = typed("reason")[:REASON_LENGTH_MAX]
    if not reason:
        return _again(withdrawal_id, "Nothing was rejected: a reason is missing, which its owner will read.")
    return _decide(
        withdrawal_id,
        lambda session: withdrawals.reject(
            session, withdrawal_id, approver_id=caller.user_id, reason=reason, now=parts.now(), by=operator()
        ),
        is_grave=True,
    )


@blueprint.post("/operator/withdrawals/<uuid:withdrawal_id>/resolve")
@role("approver")
def resolve(withdrawal_id: UUID) -> Response:
    """Resolve a payment: rebroadcast, raise its fee, give it up on proof, assert its outcome, or book its return."""
    parts, known, action = container(), RESOLUTIONS | SAID, typed("action")
    if action not in known:
        abort(HTTPStatus.BAD_REQUEST)

    def act(session: Session) -> None:
        payout_id = withdrawals.one(session, withdrawal_id).payout_id
        if payout_id is None:
            raise payouts.PayoutNotFound
        known[action](session, payout_id, now=parts.now(), by=operator())

    return _decide(withdrawal_id, act, is_grave=action in GRAVE)


def _decide(withdrawal_id: UUID, decision: Decision, *, is_grave: bool = False) -> Response:
    parts = container()
    try:
        with parts.transaction() as session:
            flow_id = withdrawals.one(session, withdrawal_id).flow_id
            if is_grave and typed("typed") != short_id(flow_id):
                return _again(withdrawal_id, "Nothing was changed: the short id that was typed is not this one's.")
            decision(session)
    except StrongroomError as refusal:
        return _again(withdrawal_id, f"Nothing was changed: {refusal}", status=status_of(type(refusal)))
    return see(f"/flows/{short_id(flow_id)}" if "from_flow" in request.form else "/operator")


def _again(withdrawal_id: UUID, problem: str, *, status: int = HTTPStatus.CONFLICT) -> Response:
    """The page of the form, with the error."""
    if "from_flow" not in request.form:
        return _board(problem=problem, status=status)
    with container().reading() as session:
        flow_id = withdrawals.one(session, withdrawal_id).flow_id
    return show_flow(str(flow_id), problem=problem, status=status)


def _board(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    with container().reading() as session:
        shaped = board.read(session, container(), guards.caller())
    return page("operator.html", status=status, page=shaped, problem=problem)

"""Quarantined deposits, and operators' decisions about them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from api import guards
from api.guards import role
from api.pages.context import every_asset, field_errors, page, see, typed
from api.pages.shapes import Money
from api.pages.wording import spoken
from api.request_context import container, operator
from api.statuses import status_of
from domain.errors import StrongroomError
from domain.ids import short_id
from models.deposit import Deposit
from services import deposits

blueprint = Blueprint("quarantined", __name__)

PLACE: Final = "/operator/deposits"
REASON_LENGTH_MAX: Final = 500
LISTED_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class QuarantinedLine:
    """One deposit that waits for a decision; it can be returned once `is_held`: confirmed, and in suspense."""

    id: UUID
    flow: str
    money: Money
    txid: str
    owner: str
    mine: bool
    state: str
    cause: str
    reason: str
    since: datetime
    is_held: bool


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """Show all quarantined deposits."""
    return _page()


@blueprint.post(f"{PLACE}/<uuid:deposit_id>/release")
@role("approver")
def release(deposit_id: UUID) -> Response:
    """Release a deposit, which will be credited."""
    return _decide(deposit_id, deposits.release)


@blueprint.post(f"{PLACE}/<uuid:deposit_id>/return")
@role("approver")
def give_back(deposit_id: UUID) -> Response:
    """Return a deposit, after its short id was typed."""
    return _decide(deposit_id, deposits.give_back, destination=typed("destination"))


def _decide(deposit_id: UUID, decision: Callable[..., object], **facts: Any) -> Response:
    parts, reason = container(), typed("reason")[:REASON_LENGTH_MAX]
    if not reason:
        return _page(problem="Nothing was changed: a reason is missing.", status=HTTPStatus.CONFLICT)
    try:
        with parts.transaction() as session:
            if facts and typed("typed") != _short(session, deposit_id):
                problem = "Nothing was changed: the short id that was typed is not this one's."
                return _page(problem=problem, status=HTTPStatus.CONFLICT)
            decision(
                session,
                deposit_id,
                decider_id=guards.caller().user_id,
                reason=reason,
                now=parts.now(),
                by=operator(),
                **facts,
            )
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, "destination")
        words = above or "The address " + " ".join(beside["destination"])
        return _page(problem=f"Nothing was changed: {words}", status=status_of(type(refusal)))
    return see(PLACE)


def _short(session: Session, deposit_id: UUID) -> str:
    return short_id(deposits.any_one(session, deposit_id).flow_id)


def _page(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    with container().reading() as session:
        lines = _lines(session, deposits.undecided(session, after=None, limit=LISTED_MAX))
    may_decide = "approver" in guards.caller().roles
    return page("quarantined.html", status=status, lines=lines, may_decide=may_decide, problem=problem)


def _lines(session: Session, rows: Sequence[Deposit]) -> list[QuarantinedLine]:
    known, why = every_asset(session), deposits.of_deposits(session, [row.id for row in rows])
    return [
        QuarantinedLine(
            id=row.id,
            flow=short_id(row.flow_id),
            money=Money(row.amount_minor, known[row.asset_id], "+"),
            txid=row.txid,
            owner=f"user {short_id(row.user_id)}",
            mine=row.user_id == guards.caller().user_id,
            state=_standing(row, is_held=why[row.id].held_transaction_id is not None),
            cause=spoken(why[row.id].cause),
            reason=why[row.id].reason,
            since=why[row.id].set_aside_at,
            is_held=why[row.id].held_transaction_id is not None,
        )
        for row in rows
    ]


def _standing(row: Deposit, *, is_held: bool) -> str:
    if is_held:
        return "Confirmed. Suspense has its money."
    if row.state == "quarantined":
        return "In a block, not confirmed yet." if row.block_height is not None else "On the network, in no block yet."
    return "It left the network and may come back; it stays set aside."

"""Losses and gains carried in suspense, and operators' decisions about them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response

from api import guards
from api.guards import role
from api.pages import sentences
from api.pages.context import every_asset, field_errors, page, see, typed
from api.pages.shapes import AssetName, Money
from api.pages.wording import typed_amount
from api.request_context import container, operator
from api.statuses import status_of
from domain.errors import StrongroomError
from domain.flows import LOSS
from domain.ids import short_id
from domain.money import parse_amount
from models.loss import Loss
from services import assets, losses

blueprint = Blueprint("losses-page", __name__)

PLACE: Final = "/operator/losses"
REASON_LENGTH_MAX: Final = 500
LISTED_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class LossLine:
    """One amount; `is_mine` if the reader proposed it, so that another operator has to agree."""

    id: UUID
    flow: str
    money: Money
    is_gain: bool
    txid: str
    state: str
    meaning: str
    sentence: str
    reason: str
    since: datetime
    proposed_by: str
    decided_by: str
    is_mine: bool


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """Show what suspense lacks, and the proposals."""
    return _page()


@blueprint.post(PLACE)
@role("approver")
def propose() -> Response:
    """Propose to book some of it."""
    asset_id, parts = typed("asset"), container()

    def work(**facts: Any) -> None:
        with parts.transaction() as session:
            amount_minor = parse_amount(typed_amount(typed("amount")), assets.get(session, asset_id).decimals)
            losses.propose(session, asset_id, amount_minor, **facts)

    return _reasoned(work)


@blueprint.post(f"{PLACE}/<uuid:loss_id>/propose")
@role("approver")
def propose_payment(loss_id: UUID) -> Response:
    """Propose to book a payment that suspense carries as an entry of its own."""
    return _reasoned(lambda **facts: _do(losses.propose_payment, loss_id, **facts))


@blueprint.post(f"{PLACE}/<uuid:loss_id>/refuse")
@role("approver")
def refuse(loss_id: UUID) -> Response:
    """Reject a proposal, with a reason; the amount stays in suspense."""
    return _reasoned(lambda **facts: _do(losses.refuse, loss_id, **facts))


@blueprint.post(f"{PLACE}/<uuid:loss_id>/agree")
@role("approver")
def agree(loss_id: UUID) -> Response:
    """Book a proposal, after its short id was typed."""
    with container().reading() as session:
        flow_id = losses.one(session, loss_id).flow_id
    if typed("typed") != short_id(flow_id):
        problem = "Nothing was changed: the short id that was typed is not this one's."
        return _page(problem=problem, status=HTTPStatus.CONFLICT)
    return _answered(lambda: _do(losses.agree, loss_id, now=container().now(), by=operator()))


def _do(decision: Callable[..., object], loss_id: UUID, **facts: Any) -> None:
    with container().transaction() as session:
        decision(session, loss_id, **facts)


def _reasoned(work: Callable[..., None]) -> Response:
    reason = typed("reason")[:REASON_LENGTH_MAX]
    if not reason:
        return _page(problem="Nothing was changed: a reason is missing.", status=HTTPStatus.CONFLICT)
    return _answered(lambda: work(reason=reason, now=container().now(), by=operator()))


def _answered(work: Callable[[], None]) -> Response:
    try:
        work()
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, "amount")
        words = above or "The amount " + " ".join(beside["amount"])
        return _page(problem=f"Nothing was changed: {words}", status=status_of(type(refusal)))
    return see(PLACE)


def _page(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    with container().reading() as session:
        known = every_asset(session)
        carried = [(asset, losses.carried(session, asset_id)) for asset_id, asset in known.items()]
        lines = [_line(row, known[row.asset_id]) for row in losses.newest(session, limit=LISTED_MAX)]
    lacking = [(asset, Money(abs(minor), asset), minor < 0) for asset, minor in carried if minor]
    may_decide = "approver" in guards.caller().roles
    values = {"lacking": lacking, "lines": lines, "may_decide": may_decide}
    return page("losses.html", status=status, problem=problem, **values)


def _line(row: Loss, asset: AssetName) -> LossLine:
    state = LOSS.states[row.state]
    return LossLine(
        id=row.id,
        flow=short_id(row.flow_id),
        money=Money(row.amount_minor, asset),
        is_gain=row.is_gain,
        txid=row.txid or "",
        state=row.state,
        meaning=state.meaning,
        sentence=state.sentence,
        reason=row.reason,
        since=row.created_at,
        proposed_by=sentences.actor(row.proposed_by or ""),
        decided_by=sentences.actor(row.decided_by or ""),
        is_mine=row.proposed_by == operator().name,
    )

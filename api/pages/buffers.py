"""The holdings of each asset compared with the ledger, and the orders that fund them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import role
from api.pages.context import every_asset, field_errors, on_rails, page, see, typed
from api.pages.shapes import AssetName, Money, Worth
from api.pages.wording import typed_amount
from api.pages.worths import current_prices, worth
from api.request_context import container, operator
from api.statuses import status_of
from domain.errors import StrongroomError
from domain.ids import short_id
from domain.money import format_amount, parse_amount
from domain.prices import Price
from models.buffer import BufferSnapshot
from models.replenishment import Replenishment
from services import assets, buffer_marks, buffers, replenishments

blueprint = Blueprint("buffers-page", __name__)

PLACE: Final = "/operator/buffers"
REASON_LENGTH_MAX: Final = 500
ORDERS_MAX: Final = 50
HISTORY_MAX: Final = 30
_MEANINGS: Final = {"ok": "yours", "mismatch": "wrong", "unknown": "waiting"}


@dataclass(frozen=True, slots=True)
class BufferLines:
    """One asset: `parts` add up to `holding`, and `ledger`, `lines` and `difference` do too."""

    asset: AssetName
    verdict: str
    meaning: str
    reason: str
    at: datetime
    parts: tuple[tuple[str, Money], ...]
    holding: Money | None
    ledger: Money
    lines: tuple[tuple[str, Money], ...]
    difference: Money | None
    low: Money
    high: Money
    worth: Worth | None
    history: tuple[tuple[datetime, str, str], ...]


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order to fund a buffer."""

    id: UUID
    flow: str
    asset: AssetName
    money: Money
    received: Money
    state: str
    reason: str
    address: str | None
    since: datetime
    expires_at: datetime
    is_open: bool
    may_be_cancelled: bool


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """Show every buffer and the orders."""
    return _page()


@blueprint.post(f"{PLACE}/orders")
@role("approver")
def propose() -> Response:
    """Propose a replenishment before a buffer is low."""
    asset_id, reason = typed("asset"), typed("reason")[:REASON_LENGTH_MAX]
    if not reason:
        return _page(problem="Nothing was changed: a reason is missing.", status=HTTPStatus.CONFLICT)
    parts = container()
    try:
        with parts.transaction() as session:
            amount_minor = parse_amount(typed_amount(typed("amount")), assets.get(session, asset_id).decimals)
            replenishments.propose(session, asset_id, amount_minor, reason=reason, now=parts.now(), by=operator())
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, "amount")
        words = above or "The amount " + " ".join(beside["amount"])
        return _page(problem=f"Nothing was changed: {words}", status=status_of(type(refusal)))
    return see(PLACE)


@blueprint.post(f"{PLACE}/orders/<uuid:order_id>/approve")
@role("approver")
def approve(order_id: UUID) -> Response:
    """Approve a replenishment."""
    return _decide(order_id, replenishments.approve)


@blueprint.post(f"{PLACE}/orders/<uuid:order_id>/cancel")
@role("approver")
def cancel(order_id: UUID) -> Response:
    """Cancel a replenishment, with a reason."""
    reason = typed("reason")[:REASON_LENGTH_MAX]
    if not reason:
        return _page(problem="Nothing was changed: a reason is missing.", status=HTTPStatus.CONFLICT)
    return _decide(order_id, replenishments.cancel, reason=reason)


def _decide(order_id: UUID, decision: Callable[..., object], **facts: Any) -> Response:
    parts = container()
    try:
        with parts.transaction() as session:
            flow_id = replenishments.one(session, order_id).flow_id
            decision(session, order_id, now=parts.now(), by=operator(), **facts)
    except StrongroomError as refusal:
        return _page(problem=f"Nothing was changed: {refusal}", status=status_of(type(refusal)))
    return see(f"/flows/{short_id(flow_id)}" if "from_flow" in request.form else PLACE)


def _page(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    now = container().now()
    with container().reading() as session:
        known = every_asset(session)
        priced = current_prices(session, now=now)
        lines = [
            _lines(session, snapshot, known[asset_id], priced.get(asset_id))
            for asset_id in known
            for snapshot in buffers.newest(session, asset_id)
        ]
        rows = replenishments.newest(session, limit=ORDERS_MAX)
        paid_to = replenishments.addresses_of(session, rows)
        orders = [_order(row, known[row.asset_id], paid_to.get(row.id)) for row in rows]
    may_decide = "approver" in guards.caller().roles
    values = {"lines": lines, "orders": orders, "choice": on_rails(known), "may_decide": may_decide}
    return page("buffers.html", status=status, problem=problem, **values)


def _lines(session: Session, row: BufferSnapshot, asset: AssetName, price: Price | None) -> BufferLines:
    marks = buffer_marks.of(session, row.asset_id)

    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, asset)

    holding = money(row.holding_minor)
    return BufferLines(
        asset=asset,
        verdict=row.verdict,
        meaning=_MEANINGS[row.verdict],
        reason=row.reason or "",
        at=row.at,
        parts=tuple((label, Money(int(minor), asset)) for label, minor in row.parts),
        holding=holding,
        ledger=Money(row.ledger_minor, asset),
        lines=tuple((label, Money(int(minor), asset)) for label, minor in row.lines),
        difference=money(row.difference_minor),
        low=Money(marks.low_minor, asset),
        high=Money(marks.high_minor, asset),
        worth=None if holding is None else worth(holding, price),
        history=tuple(_past(past, asset) for past in buffers.newest(session, row.asset_id, limit=HISTORY_MAX)),
    )


def _past(row: BufferSnapshot, asset: AssetName) -> tuple[datetime, str, str]:
    held = "not known" if row.holding_minor is None else format_amount(row.holding_minor, asset.decimals)
    return row.at, row.verdict, held


def _order(row: Replenishment, asset: AssetName, address: str | None) -> OrderLine:
    return OrderLine(
        id=row.id,
        flow=short_id(row.flow_id),
        asset=asset,
        money=Money(row.amount_minor, asset),
        received=Money(row.received_minor, asset),
        state=row.state,
        reason=row.closed_because or row.reason,
        address=address,
        since=row.proposed_at,
        expires_at=row.expires_at,
        is_open=row.state in {"proposed", "approved"},
        may_be_cancelled=row.state in replenishments.CANCELLABLE,
    )

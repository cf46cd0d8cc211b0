"""What is held of each asset, line by line beside the books; the orders that fund it; and the days in figures."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from api import guards
from api.errors import status_of
from api.guards import role
from api.pages.context import every_asset, page, see, typed
from api.pages.shapes import AssetName, Money
from api.request_context import container, operator
from domain.errors import StrongroomError
from domain.ids import short_id
from domain.money import format_amount
from domain.prices import worth_minor
from models.buffer import BufferSnapshot
from models.replenishment import Replenishment
from services import assets, buffer_marks, buffer_reports, buffers, prices, replenishments

blueprint = Blueprint("buffers-page", __name__)

PLACE: Final = "/operator/buffers"
REASON_LENGTH_MAX: Final = 500
ORDERS_MAX: Final = 50
HISTORY_MAX: Final = 30
REPORT_MAX: Final = 5000
CENTS: Final = 2
_MEANINGS: Final = {"ok": "yours", "mismatch": "wrong", "unknown": "waiting"}


@dataclass(frozen=True, slots=True)
class Worth:
    """What an amount is worth in dollars, by a price of this age."""

    words: str
    priced_at: datetime


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


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """Every buffer, and the orders."""
    return _page()


@blueprint.get(f"{PLACE}.csv")
@role("viewer")
def report() -> Response:
    """The days in figures, newest first, as CSV."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(
        ("day", "asset", "ok", "mismatch", "unknown", "holding", "ledger", "difference", "least", "most", "in", "out")
    )
    with container().reading() as session:
        decimals = assets.decimals(session)
        for row in buffer_reports.newest(session, limit=REPORT_MAX):
            amounts = (
                row.holding_minor,
                row.ledger_minor,
                row.difference_minor,
                row.spendable_least_minor,
                row.spendable_most_minor,
                row.credited_minor,
                row.paid_out_minor,
            )
            spelled = ["" if minor is None else format_amount(minor, decimals[row.asset_id]) for minor in amounts]
            counts = (row.ok_count, row.mismatch_count, row.unknown_count)
            writer.writerow((row.day.isoformat(), row.asset_id, *counts, *spelled))
    headers = {"Content-Disposition": "attachment; filename=buffers.csv", "Cache-Control": "no-store"}
    return Response(sheet.getvalue(), mimetype="text/csv", headers=headers)


@blueprint.post(f"{PLACE}/orders/<uuid:order_id>/approve")
@role("approver")
def approve(order_id: UUID) -> Response:
    """Agree to fund a buffer."""
    return _decide(order_id, replenishments.approve)


@blueprint.post(f"{PLACE}/orders/<uuid:order_id>/cancel")
@role("approver")
def cancel(order_id: UUID) -> Response:
    """Give an order up, with a reason."""
    reason = typed("reason")[:REASON_LENGTH_MAX]
    if not reason:
        return _page(problem="Nothing was changed: a reason is missing.", status=HTTPStatus.CONFLICT)
    return _decide(order_id, replenishments.cancel, reason=reason)


def _decide(order_id: UUID, decision: Callable[..., object], **facts: Any) -> Response:
    parts = container()
    try:
        with parts.transaction() as session:
            decision(session, order_id, now=parts.now(), by=operator(), **facts)
    except StrongroomError as refusal:
        return _page(problem=f"Nothing was changed: {refusal}", status=status_of(type(refusal)))
    return see(PLACE)


def _page(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    now = container().now()
    with container().reading() as session:
        known = every_asset(session)
        worth = prices.of_assets(session, assets.every(session), now=now)
        lines = [
            _lines(session, snapshot, known[asset_id], worth.get(asset_id))
            for asset_id in known
            for snapshot in buffers.newest(session, asset_id)
        ]
        orders = [_order(session, row, known[row.asset_id]) for row in replenishments.newest(session, limit=ORDERS_MAX)]
    may_decide = "approver" in guards.caller().roles
    return page("buffers.html", status=status, lines=lines, orders=orders, may_decide=may_decide, problem=problem)


def _lines(session: Session, row: BufferSnapshot, asset: AssetName, price: prices.Price | None) -> BufferLines:
    marks = buffer_marks.of(session, row.asset_id)

    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, asset)

    worth = None
    if price is not None and row.holding_minor is not None:
        cents = worth_minor(row.holding_minor, asset.decimals, price.price, CENTS)
        worth = Worth(f"{format_amount(cents, CENTS)} {prices.FIAT}", price.observed_at)
    return BufferLines(
        asset=asset,
        verdict=row.verdict,
        meaning=_MEANINGS[row.verdict],
        reason=row.reason or "",
        at=row.at,
        parts=tuple((label, Money(int(minor), asset)) for label, minor in row.parts),
        holding=money(row.holding_minor),
        ledger=Money(row.ledger_minor, asset),
        lines=tuple((label, Money(int(minor), asset)) for label, minor in row.lines),
        difference=money(row.difference_minor),
        low=Money(marks.low_minor, asset),
        high=Money(marks.high_minor, asset),
        worth=worth,
        history=tuple(_past(past, asset) for past in buffers.newest(session, row.asset_id, limit=HISTORY_MAX)),
    )


def _past(row: BufferSnapshot, asset: AssetName) -> tuple[datetime, str, str]:
    held = "not known" if row.holding_minor is None else format_amount(row.holding_minor, asset.decimals)
    return row.at, row.verdict, held


def _order(session: Session, row: Replenishment, asset: AssetName) -> OrderLine:
    return OrderLine(
        id=row.id,
        flow=short_id(row.flow_id),
        asset=asset,
        money=Money(row.amount_minor, asset),
        received=Money(row.received_minor, asset),
        state=row.state,
        reason=row.closed_because or row.reason,
        address=replenishments.address_of(session, row),
        since=row.proposed_at,
        expires_at=row.expires_at,
        is_open=row.state in {"proposed", "approved"},
    )

"""Daily figures of every buffer, as a page and as CSV."""

import csv
import io
from dataclasses import dataclass
from datetime import date
from typing import Final

from flask import Blueprint, Response, request

from api.guards import role
from api.pages.context import every_asset, page
from api.pages.shapes import AssetName, Money
from api.request_context import container
from domain.money import format_amount
from models.buffer import BufferReport
from services import assets, buffer_reports

blueprint = Blueprint("buffer-days-page", __name__)

PLACE: Final = "/operator/buffers/days"
SHEET: Final = "/operator/buffers.csv"
SHOWN_MAX: Final = 90
SHEET_MAX: Final = 5000
COLUMNS: Final = (
    "day", "asset", "ok", "mismatch", "unknown", "holding", "ledger", "difference", "least", "most", "in", "out"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DayLine:
    """One asset on one day: its comparisons, its closing state, and what could be paid out."""

    day: date
    asset: AssetName
    comparisons: str
    meaning: str
    holding: Money | None
    ledger: Money
    difference: Money | None
    least: Money | None
    most: Money | None
    credited: Money
    paid_out: Money


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """Show the latest days, newest first; `asset` chooses one."""
    wanted = request.args.get("asset")
    with container().reading() as session:
        known = every_asset(session)
        chosen = wanted if wanted in known else None
        rows = buffer_reports.newest(session, asset_id=chosen, limit=SHOWN_MAX)
        lines = [_line(row, known[row.asset_id]) for row in rows]
    return page("buffer_days.html", lines=lines, assets=tuple(known.values()), chosen=chosen, sheet=SHEET)


@blueprint.get(SHEET)
@role("viewer")
def report() -> Response:
    """Download the same as CSV, with amounts in whole units."""
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(COLUMNS)
    with container().reading() as session:
        decimals = assets.decimals(session)
        for row in buffer_reports.newest(session, limit=SHEET_MAX):
            writer.writerow(_cells(row, decimals[row.asset_id]))
    headers = {"Content-Disposition": "attachment; filename=buffers.csv", "Cache-Control": "no-store"}
    return Response(sheet.getvalue(), mimetype="text/csv", headers=headers)


def _cells(row: BufferReport, decimals: int) -> list[str]:
    amounts = (
        row.holding_minor,
        row.ledger_minor,
        row.difference_minor,
        row.spendable_least_minor,
        row.spendable_most_minor,
        row.credited_minor,
        row.paid_out_minor,
    )
    spelled = ["" if minor is None else format_amount(minor, decimals) for minor in amounts]
    counts = (str(count) for count in (row.ok_count, row.mismatch_count, row.unknown_count))
    return [row.day.isoformat(), row.asset_id, *counts, *spelled]


def _line(row: BufferReport, asset: AssetName) -> DayLine:
    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, asset)

    counts = {"ok": row.ok_count, "mismatch": row.mismatch_count, "unknown": row.unknown_count}
    return DayLine(
        day=row.day,
        asset=asset,
        comparisons=", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count),
        meaning="wrong" if row.mismatch_count else "waiting" if row.unknown_count else "yours",
        holding=money(row.holding_minor),
        ledger=Money(row.ledger_minor, asset),
        difference=money(row.difference_minor),
        least=money(row.spendable_least_minor),
        most=money(row.spendable_most_minor),
        credited=Money(row.credited_minor, asset),
        paid_out=Money(row.paid_out_minor, asset),
    )

"""The operator's view of the audit log: filters, pages and CSV."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, request

from api.guards import role
from api.pages.context import page
from api.request_context import container
from api.schemas import moment
from models.audit import AuditLog
from services import audit

blueprint = Blueprint("audit", __name__)

LINES_PER_PAGE: Final = 100
LINES_PER_READ: Final = 1_000
FILTERS: Final = ("event", "user", "address", "outcome")
COLUMNS: Final = (
    "id", "at", "event", "success", "actor", "user_id", "address", "user_agent", "request_id", "detail",
)  # fmt: skip
_ID_MAX: Final = (1 << 63) - 1
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@blueprint.get("/operator/audit")
@role("viewer")
def show() -> Response:
    """Show a page of the log, newest first."""
    before = request.args.get("before", type=int)
    asked = {name: text for name in FILTERS if (text := request.args.get(name, "").strip()) and text.isprintable()}
    with container().reading() as session:
        kinds = audit.events(session)
        found = audit.search(session, limit=LINES_PER_PAGE + 1, before=_bounded(before), **_wanted(asked))
    lines = found[:LINES_PER_PAGE]
    older = urlencode({**asked, "before": lines[-1].id}) if len(found) > LINES_PER_PAGE else None
    return page(
        "audit.html",
        lines=lines,
        kinds=kinds,
        asked=asked,
        older=f"/operator/audit?{older}" if older else None,
        first=f"/operator/audit?{urlencode(asked)}" if before is not None else None,
        csv=f"/operator/audit.csv?{urlencode(asked)}",
    )


@blueprint.get("/operator/audit.csv")
@role("viewer")
def download() -> Response:
    """Stream everything that matches the filters as CSV."""
    asked = {name: text for name in FILTERS if (text := request.args.get(name, "").strip()) and text.isprintable()}
    headers = {"Content-Disposition": "attachment; filename=audit.csv", "Cache-Control": "no-store"}
    return Response(_rows(_wanted(asked)), mimetype="text/csv", headers=headers)


def _rows(wanted: Mapping[str, Any]) -> Iterator[str]:
    parts = container()

    def stream() -> Iterator[str]:
        yield _written(COLUMNS)
        before: int | None = None
        while True:
            with parts.reading() as session:
                lines = audit.search(session, limit=LINES_PER_READ, before=before, **wanted)
            yield "".join(_written(_row(line)) for line in lines)
            if len(lines) < LINES_PER_READ:
                return
            before = lines[-1].id

    return stream()


def _row(line: AuditLog) -> tuple[object, ...]:
    detail = json.dumps(line.detail, sort_keys=True)
    return (
        line.id, moment(line.at), line.event, line.success, line.actor, line.user_id, line.address, line.user_agent,
        line.request_id, detail,
    )  # fmt: skip


def _written(cells: tuple[object, ...]) -> str:
    buffer = io.StringIO()
    texts = ["" if cell is None else str(cell) for cell in cells]
    # User agents are untrusted: a spreadsheet must not take one for a formula.
    csv.writer(buffer).writerow([f"'{text}" if text.startswith(_FORMULA) else text for text in texts])
    return buffer.getvalue()


def _wanted(asked: Mapping[str, str]) -> dict[str, Any]:
    wanted: dict[str, Any] = {"event": asked.get("event"), "address": asked.get("address")}
    if "user" in asked:
        wanted["user_id"] = _user(asked["user"])
    if asked.get("outcome") in {"done", "refused"}:
        wanted["success"] = asked["outcome"] == "done"
    return wanted


def _user(text: str) -> UUID:
    """The user id that was typed; an invalid one matches nobody."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _bounded(number: int | None) -> int | None:
    return None if number is None else max(0, min(number, _ID_MAX))

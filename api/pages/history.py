"""The statement of one asset: the entries, with the balance after each."""

from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import signed_in
from api.pages import sentences
from api.pages.context import chosen_of, every_asset, page
from api.pages.shapes import AssetName, Money, StatementLine
from api.request_context import container
from domain.ids import short_id
from services import balances
from services.ledger import statements
from services.ledger.statements import Entry

blueprint = Blueprint("history", __name__)

LINES_PER_PAGE = 100
# Entries that only changed a hold are left out, so a page may take several reads, but never more than this.
READS_MAX = 10


@blueprint.get("/history")
@signed_in
def history() -> Response:
    """Show a page of the statement, newest first, older than entry number `before`."""
    before = request.args.get("before", type=int)
    with container().reading() as session:
        choice = tuple(every_asset(session).values())
        chosen = chosen_of(choice, request.args.get("asset"))
        if chosen is None:
            return page("history.html", assets=(), chosen=None, lines=())
        entries, older = _booked(session, guards.caller().user_id, chosen, before)
    address = f"/history?{urlencode({'asset': chosen.asset_id})}"
    return page(
        "history.html",
        assets=choice,
        chosen=chosen,
        lines=[_line(entry, chosen) for entry in entries],
        csv=f"/api/v1/transactions?{urlencode({'asset': chosen.asset_id, 'format': 'csv'})}" if entries else None,
        older=f"{address}&before={older}" if older is not None else None,
        first=address if before is not None else None,
    )


def _booked(session: Session, user_id: UUID, asset: AssetName, before: int | None) -> tuple[list[Entry], int | None]:
    """The entries of one page that changed the balance, and the start of the next page."""
    account_id = balances.account_of(session, user_id, asset.asset_id)
    found: list[Entry] = []
    if account_id is None:
        return found, None
    for _ in range(READS_MAX):
        entries = statements.statement(session, account_id, before_version=before, limit=LINES_PER_PAGE)
        found += [entry for entry in entries if entry.change_minor]
        if len(found) > LINES_PER_PAGE:
            return found[:LINES_PER_PAGE], found[LINES_PER_PAGE - 1].version
        if len(entries) < LINES_PER_PAGE:
            return found, None
        before = entries[-1].version
    return found, before


def _line(entry: Entry, asset: AssetName) -> StatementLine:
    what = sentences.booking(entry.kind, entry.counter_code)
    if entry.kind == "internal_transfer":
        what = "received from another user" if entry.change_minor > 0 else "sent to another user"
    return StatementLine(
        at=entry.recorded_at,
        what=what,
        money=Money(abs(entry.change_minor), asset, "+" if entry.change_minor > 0 else "-"),
        balance=Money(entry.balance_minor, asset),
        flow=short_id(entry.flow_id) if entry.flow_id else None,
    )

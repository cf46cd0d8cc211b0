"""The caller's statement: the ledger entries of one of their accounts, with the balance after each."""

from collections.abc import Iterator
from typing import Any, Final

import marshmallow as ma
from flask import Response, request

from api.blueprint import Blueprint
from api.guards import caller, scope
from api.request_context import container
from api.schemas import PageQuery, Text, json_answer, moment, number_cursor, page, page_schema
from domain.money import format_amount
from services import assets, balances
from services.ledger import statements
from services.ledger.statements import Entry
from wiring.container import Container

# An account that does not exist: its statement has headings only.
_NO_ACCOUNT: Final = 0

blueprint = Blueprint("transactions", __name__, description="What happened to a balance.")


class StatementQuery(PageQuery):
    """Whose entries, and the format: JSON by page, or all as CSV."""

    asset = Text(required=True, metadata={"description": "The asset whose statement this is."})
    format = ma.fields.String(
        load_default="json",
        validate=ma.validate.OneOf(["json", "csv"]),
        metadata={"description": "csv, or Accept: text/csv, sends the whole statement as a file."},
    )


class TransactionItem(ma.Schema):
    """One entry. `change` is signed, and zero for a change of holds; `balance` includes held amounts."""

    number = ma.fields.Integer(required=True)
    transaction_id = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True)
    phase = ma.fields.String(required=True)
    asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    change = ma.fields.String(required=True)
    balance = ma.fields.String(required=True)
    held = ma.fields.String(required=True)
    counterparty = ma.fields.String(required=True)
    flow_id = ma.fields.UUID(required=True, allow_none=True)
    effective_at = ma.fields.DateTime(required=True)
    recorded_at = ma.fields.DateTime(required=True)


@blueprint.get("/transactions")
@scope("wallet:read")
@blueprint.takes(StatementQuery, location="query")
@blueprint.answers(200, page_schema("TransactionPage", TransactionItem))
def list_transactions(query: dict[str, Any]) -> Response:
    """List the caller's entries in one asset, newest first."""
    parts, user_id = container(), caller().user_id
    before = number_cursor(query["cursor"])
    with parts.reading() as session:
        asset = assets.get(session, query["asset"])
        account_id = balances.account_of(session, user_id, asset.asset_id)
        if query["format"] == "csv" or request.accept_mimetypes.best == "text/csv":
            return _csv(parts, account_id, asset.asset_id, asset.decimals)
        entries: list[Entry] = []
        if account_id is not None:
            entries = statements.statement(session, account_id, before_version=before, limit=query["limit"] + 1)
    decimals = asset.decimals
    return json_answer(
        page(entries, query["limit"], lambda entry: _shape(entry, decimals), lambda entry: entry.version)
    )


def _csv(parts: Container, account_id: int | None, asset_id: str, decimals: int) -> Response:
    def lines() -> Iterator[str]:
        with parts.reading() as session:
            yield from statements.csv_lines(session, account_id or _NO_ACCOUNT, decimals=decimals)

    disposition = f'attachment; filename="strongroom-{asset_id}.csv"'
    return Response(lines(), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})


def _shape(entry: Entry, decimals: int) -> dict[str, Any]:
    return {
        "number": entry.version,
        "transaction_id": entry.transaction_id,
        "kind": entry.kind,
        "phase": entry.phase,
        "asset": entry.asset_id,
        "amount": format_amount(entry.amount_minor, decimals),
        "change": format_amount(entry.change_minor, decimals),
        "balance": format_amount(entry.balance_minor, decimals),
        "held": format_amount(entry.held_minor, decimals),
        "counterparty": entry.counter_code,
        "flow_id": str(entry.flow_id) if entry.flow_id else None,
        "effective_at": moment(entry.effective_at),
        "recorded_at": moment(entry.recorded_at),
    }

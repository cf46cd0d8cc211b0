"""The holdings of each rail compared with the ledger."""

from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container
from api.schemas import json_answer, moment
from domain.money import format_amount
from models.buffer import BufferSnapshot
from services import assets, buffers

blueprint = Blueprint("buffers", __name__, description="Holdings compared with the ledger.")


class BufferLine(ma.Schema):
    """An amount that explains part of the difference between holding and ledger, and why."""

    label = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)


class BufferItem(ma.Schema):
    """The latest comparison of one asset. `unknown`: the wallet could not be read; it need not be empty."""

    asset = ma.fields.String(required=True)
    chain = ma.fields.String(required=True)
    verdict = ma.fields.String(required=True, validate=ma.validate.OneOf(["ok", "mismatch", "unknown"]))
    reason = ma.fields.String(required=True, allow_none=True)
    at = ma.fields.DateTime(required=True, allow_none=True)
    height = ma.fields.Integer(required=True, allow_none=True)
    holding = ma.fields.String(required=True, allow_none=True)
    ledger = ma.fields.String(required=True, allow_none=True)
    difference = ma.fields.String(required=True, allow_none=True)
    lines = ma.fields.List(ma.fields.Nested(BufferLine), required=True)


class BufferList(ma.Schema):
    """One item per asset."""

    items = ma.fields.List(ma.fields.Nested(BufferItem), required=True)


@blueprint.get("/buffers")
@role("viewer")
@blueprint.answers(200, BufferList)
def list_buffers() -> Response:
    """List the latest comparison of every asset."""
    items = []
    with container().reading() as session:
        for asset in assets.every(session):
            found = buffers.newest(session, asset.asset_id)
            items.append(_shape(found[0], asset.decimals) if found else _never_compared(asset.asset_id, asset.chain))
    return json_answer({"items": items})


def _shape(row: BufferSnapshot, decimals: int) -> dict[str, Any]:
    def amount(minor: int | None) -> str | None:
        return None if minor is None else format_amount(minor, decimals)

    return {
        "asset": row.asset_id,
        "chain": row.chain,
        "verdict": row.verdict,
        "reason": row.reason,
        "at": moment(row.at),
        "height": row.height,
        "holding": amount(row.holding_minor),
        "ledger": amount(row.ledger_minor),
        "difference": amount(row.difference_minor),
        "lines": [{"label": label, "amount": amount(int(minor))} for label, minor in row.lines],
    }


def _never_compared(asset_id: str, chain: str) -> dict[str, Any]:
    return {
        "asset": asset_id,
        "chain": chain,
        "verdict": "unknown",
        "reason": "never compared yet",
        "at": None,
        "height": None,
        "holding": None,
        "ledger": None,
        "difference": None,
        "lines": [],
    }

"""The state of the holdings: what can be sent, what is under way, what is not credited yet."""

from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container
from api.schemas import json_answer, moment
from domain.money import format_amount
from services import state
from services.state.inventory import Inventory

blueprint = Blueprint("state of inventory", __name__, description="What may be sent, and what may not yet.")

COMPONENT = "inventory-sync"


class Comparison(ma.Schema):
    """The latest comparison of the wallet with the ledger; null figures where the wallet could not be read."""

    at = ma.fields.DateTime(required=True)
    verdict = ma.fields.String(required=True)
    reason = ma.fields.String(required=True, allow_none=True)
    holding = ma.fields.String(required=True, allow_none=True)
    spendable = ma.fields.String(required=True, allow_none=True)


class InventoryItem(ma.Schema):
    """One asset. The figures do not overlap, and none may be added to `spendable`.

    `spendable`: credited, and not held for a withdrawal. `pending_outbound`: held for withdrawals under way.
    `pending_inbound`: ordered to fund the buffer and not arrived. `pre_credit_inbound`: seen on a chain, not credited.
    """

    asset = ma.fields.String(required=True)
    chain = ma.fields.String(required=True)
    spendable = ma.fields.String(required=True)
    pending_outbound = ma.fields.String(required=True)
    pending_inbound = ma.fields.String(required=True)
    pre_credit_inbound = ma.fields.String(required=True)
    wallet = ma.fields.Nested(Comparison, required=True, allow_none=True)


class InventoryState(ma.Schema):
    """Every asset as of `at`."""

    component = ma.fields.String(required=True)
    at = ma.fields.DateTime(required=True)
    items = ma.fields.List(ma.fields.Nested(InventoryItem), required=True)


@blueprint.get("/state/inventory")
@blueprint.get(f"/state/{COMPONENT}")
@role("viewer")
@blueprint.answers(200, InventoryState)
def read_inventory() -> Response:
    """Read how much of each asset can be sent, how much is under way, and how much is not credited yet."""
    parts = container()
    with parts.reading() as session:
        found = state.inventory(session)
    body = {"component": COMPONENT, "at": moment(parts.now()), "items": [_shape(item) for item in found]}
    return json_answer(body)


def _shape(item: Inventory) -> dict[str, Any]:
    decimals, snapshot = item.asset.decimals, item.snapshot

    def spelled(amount_minor: int | None) -> str | None:
        return None if amount_minor is None else format_amount(amount_minor, decimals)

    return {
        "asset": item.asset.asset_id,
        "chain": item.asset.chain,
        "spendable": spelled(item.spendable_minor),
        "pending_outbound": spelled(item.pending_outbound_minor),
        "pending_inbound": spelled(item.pending_inbound_minor),
        "pre_credit_inbound": spelled(item.pre_credit_inbound_minor),
        "wallet": None
        if snapshot is None
        else {
            "at": moment(snapshot.at),
            "verdict": snapshot.verdict,
            "reason": snapshot.reason,
            "holding": spelled(snapshot.holding_minor),
            "spendable": spelled(snapshot.spendable_minor),
        },
    }

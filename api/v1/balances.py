"""The caller's balance in each asset."""

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import brought, caller, scope
from api.request_context import container
from api.schemas import json_answer
from auth import sessions
from domain.money import format_amount
from services import balances

_FUNDS = sessions.Along("session_with_balances", balances.question("caller.user_id"))

blueprint = Blueprint("balances", __name__, description="Spendable money, held money, money on its way.")


class BalanceItem(ma.Schema):
    """One asset. `on_its_way` was seen on the chain and is not credited; no other figure includes it."""

    asset = ma.fields.String(required=True)
    available = ma.fields.String(required=True)
    held = ma.fields.String(required=True)
    on_its_way = ma.fields.String(required=True)


class BalanceList(ma.Schema):
    """All balances."""

    items = ma.fields.List(ma.fields.Nested(BalanceItem), required=True)


@blueprint.get("/balances")
@scope("wallet:read", along=_FUNDS)
@blueprint.answers(200, BalanceList)
def list_balances() -> Response:
    """List the caller's balances."""
    rows = brought()
    if rows is not None:
        funds = balances.read(rows)
    else:
        with container().reading() as session:
            funds = balances.of_user(session, caller().user_id)
    return json_answer(
        {
            "items": [
                {
                    "asset": item.asset_id,
                    "available": format_amount(item.available_minor, item.decimals),
                    "held": format_amount(item.held_minor, item.decimals),
                    "on_its_way": format_amount(item.on_its_way_minor, item.decimals),
                }
                for item in funds
            ]
        }
    )

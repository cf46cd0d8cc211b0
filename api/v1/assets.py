"""The configured assets and their terms for deposits and withdrawals."""

from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import scope
from api.request_context import container
from api.schemas import json_answer
from domain.money import format_amount
from domain.rails import RAILS
from models.asset import Asset, WithdrawalPolicy
from services import assets

blueprint = Blueprint("assets", __name__, description="What can be held here.")


class ConfirmationTier(ma.Schema):
    """Deposits below an amount (or any amount, when null) need this many confirmations."""

    below = ma.fields.String(required=True, allow_none=True)
    confirmations = ma.fields.Integer(required=True)


class WithdrawalTerms(ma.Schema):
    """What a withdrawal of this asset must satisfy."""

    minimum = ma.fields.String(required=True)
    fee = ma.fields.String(required=True)
    automatic_up_to = ma.fields.String(required=True)
    two_approvals_from = ma.fields.String(required=True)
    daily_limit = ma.fields.String(required=True)
    transfers_count = ma.fields.Boolean(
        required=True, metadata={"description": "Whether `daily_limit` includes what goes to others of this house."}
    )
    confirmations = ma.fields.Integer(required=True)
    allowlist_only = ma.fields.Boolean(required=True)
    paused = ma.fields.Boolean(required=True)


class AssetItem(ma.Schema):
    """One asset."""

    asset = ma.fields.String(required=True)
    symbol = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    chain = ma.fields.String(required=True)
    decimals = ma.fields.Integer(required=True)
    is_test = ma.fields.Boolean(required=True)
    minimum_deposit = ma.fields.String(required=True)
    confirmation_tiers = ma.fields.List(ma.fields.Nested(ConfirmationTier), required=True)
    withdrawal = ma.fields.Nested(WithdrawalTerms, required=True)


class AssetList(ma.Schema):
    """All assets."""

    items = ma.fields.List(ma.fields.Nested(AssetItem), required=True)


@blueprint.get("/assets")
@scope("wallet:read")
@blueprint.answers(200, AssetList)
def list_assets() -> Response:
    """List all assets with their terms."""
    with container().reading() as session:
        rows = [(asset, assets.policy(session, asset.asset_id)) for asset in assets.every(session)]
    return json_answer({"items": [_shape(asset, policy) for asset, policy in rows]})


def _shape(asset: Asset, policy: WithdrawalPolicy) -> dict[str, Any]:
    def amount(minor: int) -> str:
        return format_amount(minor, asset.decimals)

    rail = RAILS.get(asset.chain)
    return {
        "asset": asset.asset_id,
        "symbol": asset.symbol,
        "name": asset.name,
        "chain": asset.chain,
        "decimals": asset.decimals,
        "is_test": rail is not None and rail.is_test,
        "minimum_deposit": amount(asset.minimum_deposit_minor),
        "confirmation_tiers": [
            {"below": None if below is None else amount(int(below)), "confirmations": confirmations}
            for below, confirmations in asset.confirmation_tiers
        ],
        "withdrawal": {
            "minimum": amount(policy.minimum_minor),
            "fee": amount(policy.fee_minor),
            "automatic_up_to": amount(policy.auto_limit_minor),
            "two_approvals_from": amount(policy.two_approvals_above_minor),
            "daily_limit": amount(policy.daily_user_limit_minor),
            "transfers_count": policy.transfers_count,
            "confirmations": policy.confirmations,
            "allowlist_only": policy.allowlist_only,
            "paused": policy.paused,
        },
    }

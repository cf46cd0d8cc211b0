"""The state of the chain observers: watched addresses, observations, and credits."""

from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container
from api.schemas import json_answer, moment
from api.v1.observers import Observer
from api.v1.observers import shape as observer_shape
from domain.money import format_amount
from models.chain import DepositAddress
from models.deposit import Deposit, FundingObservation
from services import state
from services.events import shape as event_shape
from services.state.liquidity import Handles, Health, Liquidity

blueprint = Blueprint("state of liquidity", __name__, description="What is watched, seen and credited.")

COMPONENT = "liquidity-manager"
HEALTH = ["healthy", "paused", "unknown", "stale", "failing"]
"""From best to worst."""


class ObserverHealth(Observer):
    """One observer and its health."""

    health = ma.fields.String(required=True, validate=ma.validate.OneOf(HEALTH))


class ObserverSummary(ma.Schema):
    """The worst health of any observer, null if there are none; whether any is paused."""

    health = ma.fields.String(required=True, allow_none=True, validate=ma.validate.OneOf(HEALTH))
    paused = ma.fields.Boolean(required=True)


class Handle(ma.Schema):
    """One watched address."""

    funding_handle = ma.fields.String(required=True)
    account_id = ma.fields.UUID(required=True)
    issued_at = ma.fields.DateTime(required=True)


class ActiveHandles(ma.Schema):
    """The watched addresses of a chain, by asset: how many, and the last that were issued."""

    chain = ma.fields.String(required=True)
    assets = ma.fields.List(ma.fields.String(), required=True)
    count = ma.fields.Integer(required=True)
    count_is_estimate = ma.fields.Boolean(required=True)
    newest = ma.fields.List(ma.fields.Nested(Handle), required=True)


class Observation(ma.Schema):
    """An observed output: evidence, never spendable."""

    funding_observation_id = ma.fields.UUID(required=True)
    account_id = ma.fields.UUID(required=True)
    asset_id = ma.fields.String(required=True)
    chain = ma.fields.String(required=True)
    funding_handle = ma.fields.String(required=True)
    source = ma.fields.String(required=True)
    tx_hash = ma.fields.String(required=True)
    status = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    confirmations = ma.fields.Integer(required=True)
    first_seen_at = ma.fields.DateTime(required=True)
    last_seen_at = ma.fields.DateTime(required=True)
    credited_at = ma.fields.DateTime(required=True, allow_none=True)
    bridge_deposit_tx_hash = ma.fields.String(required=True, allow_none=True)


class Correlation(ma.Schema):
    """What became of an observation: `credit_transaction_id` is the ledger's, null until it is credited."""

    deposit_id = ma.fields.UUID(required=True)
    flow_id = ma.fields.UUID(required=True)
    account_id = ma.fields.UUID(required=True)
    asset_id = ma.fields.String(required=True)
    chain = ma.fields.String(required=True)
    funding_handle = ma.fields.String(required=True)
    tx_hash = ma.fields.String(required=True)
    replaced_by = ma.fields.String(required=True, allow_none=True)
    amount = ma.fields.String(required=True)
    status = ma.fields.String(required=True)
    confirmations_needed = ma.fields.Integer(required=True)
    first_seen_at = ma.fields.DateTime(required=True)
    credited_at = ma.fields.DateTime(required=True, allow_none=True)
    credit_transaction_id = ma.fields.Integer(required=True, allow_none=True)
    bridge_deposit_tx_hash = ma.fields.String(required=True, allow_none=True)


class LiquidityState(ma.Schema):
    """The whole state as of `at`. Totals are of seen and confirming outputs, which no balance includes."""

    component = ma.fields.String(required=True)
    at = ma.fields.DateTime(required=True)
    observer = ma.fields.Nested(ObserverSummary, required=True)
    observers = ma.fields.List(ma.fields.Nested(ObserverHealth), required=True)
    active_handles = ma.fields.List(ma.fields.Nested(ActiveHandles), required=True)
    funding_observations_by_handle = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.List(ma.fields.Nested(Observation)), required=True
    )
    latest_funding_observation_at = ma.fields.DateTime(required=True, allow_none=True)
    uncredited_funding_total_by_asset = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.String(), required=True
    )
    credit_correlation = ma.fields.List(ma.fields.Nested(Correlation), required=True)


@blueprint.get("/state/liquidity")
@blueprint.get(f"/state/{COMPONENT}")
@role("viewer")
@blueprint.answers(200, LiquidityState)
def read_liquidity() -> Response:
    """Read the watched addresses of each chain, the latest observations, and which of them were credited."""
    parts = container()
    with parts.reading() as session:
        return json_answer(_shape(state.liquidity(session), parts.now()))


def _shape(found: Liquidity, now: datetime) -> dict[str, Any]:
    of_each: list[Health] = [state.health(cursor, now=now) for cursor in found.observers]
    return {
        "component": COMPONENT,
        "at": moment(now),
        "observer": {"health": max(of_each, key=HEALTH.index, default=None), "paused": "paused" in of_each},
        "observers": [
            {**observer_shape(cursor), "health": health}
            for cursor, health in zip(found.observers, of_each, strict=True)
        ],
        "active_handles": [_handles(handles) for handles in found.handles],
        "funding_observations_by_handle": {
            handle: [_observation(row, found.decimals) for row in rows] for handle, rows in found.observations.items()
        },
        "latest_funding_observation_at": moment(found.latest_at),
        "uncredited_funding_total_by_asset": {
            asset_id: format_amount(total, found.decimals[asset_id])
            for asset_id, total in found.uncredited_minor.items()
        },
        "credit_correlation": [_correlation(row, found.decimals) for row in found.correlated],
    }


def _handles(handles: Handles) -> dict[str, Any]:
    return {
        "chain": handles.chain,
        "assets": list(handles.asset_ids),
        "count": handles.count,
        "count_is_estimate": handles.count_is_estimate,
        "newest": [_handle(row) for row in handles.newest],
    }


def _handle(row: DepositAddress) -> dict[str, Any]:
    return {"funding_handle": row.address, "account_id": str(row.user_id), "issued_at": moment(row.issued_at)}


def _observation(row: FundingObservation, decimals: Any) -> dict[str, Any]:
    return dict(event_shape.of_funding(row, decimals=decimals[row.asset_id]).data)


def _correlation(row: Deposit, decimals: Any) -> dict[str, Any]:
    return {
        "deposit_id": str(row.id),
        "flow_id": str(row.flow_id),
        "account_id": str(row.user_id),
        "asset_id": row.asset_id,
        "chain": row.chain,
        "funding_handle": row.address,
        "tx_hash": row.txid,
        "replaced_by": row.replaced_by,
        "amount": format_amount(row.amount_minor, decimals[row.asset_id]),
        "status": row.state,
        "confirmations_needed": row.confirmations_needed,
        "first_seen_at": moment(row.first_seen_at),
        "credited_at": moment(row.credited_at),
        "credit_transaction_id": row.credit_transaction_id,
        "bridge_deposit_tx_hash": row.txid if row.state == "credited" else None,
    }

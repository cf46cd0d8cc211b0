"""The caller's watch-only wallets and their balances."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import caller, signed_in
from api.request_context import actor, container
from api.schemas import json_answer, moment
from domain.money import format_amount
from domain.networks import NETWORKS
from models.watch_wallet import WatchWallet
from services import watch_wallets
from services.watch_wallets import WalletView

blueprint = Blueprint("watch-wallets", __name__, description="Wallets that are watched without their keys.")


class WatchedBalance(ma.Schema):
    """Confirmed coins found by a scan of the node's unspent outputs, valid for ten minutes."""

    amount = ma.fields.String(required=True)
    outputs = ma.fields.Integer(required=True)
    height = ma.fields.Integer(required=True, metadata={"description": "The block up to which it is true."})
    at = ma.fields.DateTime(required=True)
    is_fresh = ma.fields.Boolean(required=True)


class WatchScan(ma.Schema):
    """Whether the scan is under way; a node does one scan at a time."""

    state = ma.fields.String(required=True, validate=ma.validate.OneOf(("none", "waiting", "running")))
    progress = ma.fields.Integer(required=True, allow_none=True, metadata={"description": "Per cent."})
    reason = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What it waits for: scan_in_progress, or the code of the node's last refusal."},
    )


class WatchWalletItem(ma.Schema):
    """One watch-only wallet."""

    id = ma.fields.UUID(required=True)
    asset = ma.fields.String(required=True)
    chain = ma.fields.String(required=True)
    label = ma.fields.String(required=True)
    descriptor = ma.fields.String(required=True, metadata={"description": "Canonical, with its checksum."})
    range = ma.fields.List(ma.fields.Integer(), required=True, allow_none=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(("pending", "ready", "refused")))
    waiting_reason = ma.fields.String(required=True, allow_none=True)
    error = ma.fields.String(required=True, allow_none=True, metadata={"description": "Why the node refused it."})
    error_description = ma.fields.String(required=True, allow_none=True)
    addresses = ma.fields.Integer(required=True, metadata={"description": "How many were derived."})
    imported_at = ma.fields.DateTime(required=True)
    checked_at = ma.fields.DateTime(required=True, allow_none=True)
    balance = ma.fields.Nested(WatchedBalance, required=True, allow_none=True)
    scan = ma.fields.Nested(WatchScan, required=True)


class WatchWalletList(ma.Schema):
    """All watch-only wallets, newest first."""

    items = ma.fields.List(ma.fields.Nested(WatchWalletItem), required=True)


@blueprint.get("/watch-wallets")
@signed_in
@blueprint.answers(200, WatchWalletList)
def list_wallets() -> Response:
    """List the caller's watch-only wallets."""
    parts = container()
    with parts.reading() as session:
        views = watch_wallets.of_user(session, caller().user_id)
    return json_answer({"items": [shape(view, parts.now()) for view in views]})


@blueprint.get("/watch-wallets/<uuid:wallet_id>")
@signed_in
@blueprint.answers(200, WatchWalletItem)
def get_wallet(wallet_id: UUID) -> Response:
    """Read one of the caller's watch-only wallets."""
    return _answer(wallet_id, 200)


@blueprint.post("/watch-wallets/<uuid:wallet_id>/refresh")
@signed_in
@blueprint.answers(202, WatchWalletItem)
def refresh_wallet(wallet_id: UUID) -> Response:
    """Scan a wallet again, unless its balance is younger than ten minutes."""
    refreshed(wallet_id)
    return _answer(wallet_id, 202)


@blueprint.delete("/watch-wallets/<uuid:wallet_id>")
@signed_in
@blueprint.answers(204)
def forget_wallet(wallet_id: UUID) -> Response:
    """Delete a wallet with its scans."""
    forgotten(wallet_id)
    return Response(status=204)


def refreshed(wallet_id: UUID) -> None:
    """Order a new scan if the balance of the caller's wallet is old. Raises WatchWalletNotFound."""
    parts = container()
    with parts.transaction() as session:
        wallet = watch_wallets.one(session, caller().user_id, wallet_id).wallet
        watch_wallets.refresh(session, [wallet], now=parts.now())


def forgotten(wallet_id: UUID) -> None:
    """Delete the caller's wallet. Raises WatchWalletNotFound."""
    parts = container()
    with parts.transaction() as session:
        watch_wallets.forget(session, user_id=caller().user_id, wallet_id=wallet_id, now=parts.now(), by=actor())


def shape(view: WalletView, now: datetime) -> dict[str, Any]:
    """A wallet, for its owner."""
    wallet = view.wallet
    indexes = wallet.indexes()
    return {
        "id": str(wallet.id),
        "asset": NETWORKS[wallet.chain].asset_id,
        "chain": wallet.chain,
        "label": wallet.label,
        "descriptor": wallet.descriptor,
        "range": list(indexes) if indexes is not None else None,
        "state": wallet.state,
        "waiting_reason": wallet.waiting_reason,
        "error": wallet.refusal,
        "error_description": wallet.refusal_reason,
        "addresses": wallet.address_count,
        "imported_at": moment(wallet.created_at),
        "checked_at": moment(wallet.checked_at),
        "balance": _balance(wallet, now),
        "scan": {"state": view.scan.state, "progress": view.scan.progress, "reason": view.scan.reason},
    }


def _balance(wallet: WatchWallet, now: datetime) -> dict[str, Any] | None:
    if wallet.balance_minor is None:
        return None
    return {
        "amount": format_amount(wallet.balance_minor, NETWORKS[wallet.chain].decimals),
        "outputs": wallet.balance_outputs,
        "height": wallet.balance_height,
        "at": moment(wallet.balance_at),
        "is_fresh": watch_wallets.is_fresh(wallet, now),
    }


def _answer(wallet_id: UUID, status: int) -> Response:
    parts = container()
    with parts.reading() as session:
        view = watch_wallets.one(session, caller().user_id, wallet_id)
    return json_answer(shape(view, parts.now()), status)

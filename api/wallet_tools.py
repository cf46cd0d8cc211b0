"""Wallet tools: import a descriptor to be watched, list what belongs to a proved key, export what is watched."""

from typing import Any
from urllib.parse import urlsplit

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import caller, signed_in
from api.refusals import InvalidRequest
from api.request_context import actor, container
from api.schemas import StrictSchema, Text, json_answer, moment
from api.v1.watch_wallets import WatchWalletItem, shape
from auth import key_proofs, signatures
from domain.descriptors import DESCRIPTOR_LENGTH_MAX
from domain.errors import StrongroomError
from domain.networks import NETWORKS, Network
from domain.ports import understands_descriptors
from models.watch_wallet import WatchWallet
from services import audit, watch_wallets
from services.assets import UnknownAsset

blueprint = Blueprint("wallet-tools", __name__, description="Watch wallets without their keys.")

LABEL_LENGTH_MAX = 80
SUBJECT_LENGTH_MAX = 130


class DescriptorRequest(StrictSchema):
    """An output descriptor with public keys only, such as a wallet exports for watching."""

    descriptor = ma.fields.Raw(
        required=True,
        metadata={
            "type": "string",
            "maxLength": DESCRIPTOR_LENGTH_MAX,
            "description": "With its checksum, which is verified, or without.",
        },
    )
    range = ma.fields.Raw(
        load_default=None,
        metadata={
            "oneOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}}],
            "description": "Of a descriptor that ends in /*: [first, last], or the last index. 0 to 999 unless given.",
        },
    )
    label = Text(load_default="", length_min=0, length_max=LABEL_LENGTH_MAX)
    asset = Text(load_default=None, metadata={"description": "May be left out where there is one rail only."})


class PubkeyRequest(StrictSchema):
    """First `pubkey`, to get a text to sign; then `challenge_id` and `signature`."""

    pubkey = Text(
        length_max=SUBJECT_LENGTH_MAX,
        metadata={"description": "A public key in hex, or an address that can sign."},
    )
    challenge_id = ma.fields.UUID()
    signature = Text(length_max=signatures.SIGNATURE_LENGTH_MAX)

    @ma.validates_schema
    def is_one_step(self, data: dict[str, Any], **_: Any) -> None:
        """Either asks for a challenge or answers one."""
        if ("challenge_id" in data) != ("signature" in data):
            missing = "signature" if "challenge_id" in data else "challenge_id"
            raise ma.ValidationError("belongs to the answer to a challenge", missing)
        if ("pubkey" in data) == ("signature" in data):
            raise ma.ValidationError("send pubkey alone, then challenge_id and signature", "pubkey")


class PubkeyAnswer(ma.Schema):
    """The wallets of a proved key (200), or the text that proves it when signed (201)."""

    pubkey = ma.fields.String(required=True)
    wallets = ma.fields.List(ma.fields.Nested(WatchWalletItem))


class PubkeyChallenge(ma.Schema):
    """A text to sign, once, within five minutes. It signs nobody in."""

    challenge_id = ma.fields.UUID(required=True)
    pubkey = ma.fields.String(required=True)
    message = ma.fields.String(required=True)
    expires_at = ma.fields.DateTime(required=True)


class ExportedDescriptor(ma.Schema):
    """One descriptor, as nodes list and import them; `timestamp` 0 has a node look from the first block on."""

    desc = ma.fields.String(required=True)
    timestamp = ma.fields.Integer(required=True)
    active = ma.fields.Boolean(required=True)
    range = ma.fields.List(ma.fields.Integer(), metadata={"description": "Only of a descriptor that ends in /*."})
    label = ma.fields.String(required=True)
    asset = ma.fields.String(required=True)
    chain = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    imported_at = ma.fields.DateTime(required=True)


class WalletExport(ma.Schema):
    """Everything that is needed to watch the same wallets elsewhere."""

    wallet_name = ma.fields.String(required=True)
    exported_at = ma.fields.DateTime(required=True)
    descriptors = ma.fields.List(ma.fields.Nested(ExportedDescriptor), required=True)


@blueprint.post("/import_descriptor")
@signed_in
@blueprint.takes(DescriptorRequest)
@blueprint.answers(202, WatchWalletItem, description="Being checked, derived or scanned for.")
@blueprint.answers_also(200, WatchWalletItem, description="Watched already.")
def import_descriptor(body: dict[str, Any]) -> Response:
    """Watch a descriptor. What is wrong with it is said at once; the node checks and derives it in the background."""
    wallet = taken_in(body["descriptor"], indexes=body["range"], label=body["label"], asset_id=body["asset"])
    with container().reading() as session:
        view = watch_wallets.one(session, wallet.user_id, wallet.id)
    return json_answer(shape(view, container().now()), 202 if wallet.state == "pending" else 200)


@blueprint.post("/verify_pubkey_and_list")
@signed_in
@blueprint.takes(PubkeyRequest)
@blueprint.answers(200, PubkeyAnswer, description="The key is proved: these of the caller's wallets are its.")
@blueprint.answers_also(201, PubkeyChallenge, description="Sign this text with the key.")
def verify_pubkey_and_list(body: dict[str, Any]) -> Response:
    """Prove a key by signing a text, and see which of the caller's watched wallets belong to it, with balances.

    Balances older than ten minutes are looked for anew; until then the old ones are shown with their age.
    """
    return _challenge(body["pubkey"]) if "pubkey" in body else _prove(body)


@blueprint.get("/export_wallet")
@signed_in
@blueprint.answers(200, WalletExport)
def export_wallet() -> Response:
    """The caller's descriptors with checksums and ranges, as a file that nodes can import from."""
    parts, now, doer = container(), container().now(), caller()
    with parts.transaction() as session:
        wallets = [view.wallet for view in watch_wallets.of_user(session, doer.user_id)]
        audit.record(session, "wallet.exported", by=actor(), now=now, detail={"wallets": len(wallets)})
    body = {
        "wallet_name": "strongroom watch-only",
        "exported_at": moment(now),
        "descriptors": [_exported(wallet) for wallet in wallets],
    }
    response = json_answer(body)
    response.headers["Content-Disposition"] = 'attachment; filename="strongroom-wallets.json"'
    return response


def taken_in(text: object, *, indexes: object, label: str, asset_id: str | None) -> WatchWallet:
    """Import a descriptor for the caller; a refusal is on record too, without the text that was refused.

    Raises InvalidDescriptor and its kinds, InvalidRange, TooManyWatchWallets, UnknownAsset, InvalidRequest.
    """
    parts, now, doer = container(), container().now(), caller()
    try:
        network = _network(asset_id)
        with parts.transaction() as session:
            return watch_wallets.import_descriptor(
                session,
                user_id=doer.user_id,
                network=network,
                text=text,
                indexes=indexes,
                label=label,
                now=now,
                by=actor(),
            ).wallet
    except StrongroomError as refusal:
        with parts.transaction() as session:
            detail = {"reason": refusal.code}
            audit.record(session, "wallet.imported", by=actor(), now=now, success=False, detail=detail)
        raise


def _network(asset_id: str | None) -> Network:
    """The network of an asset that a rail of this house serves; of the one rail when none is named."""
    networks = {
        chain.network.asset_id: chain.network for chain in container().chains.values() if understands_descriptors(chain)
    }
    if asset_id is None and len(networks) == 1:
        return next(iter(networks.values()))
    if asset_id is None and networks:
        raise InvalidRequest("asset: name one", fields={"asset": [f"name one of {', '.join(sorted(networks))}"]})
    if asset_id is None or asset_id not in networks:
        reason = "no rail of this house serves it, so nothing can be watched there"
        raise UnknownAsset(f"asset: {reason}", fields={"asset": [reason]})
    return networks[asset_id]


def _challenge(pubkey: str) -> Response:
    parts = container()
    domain = urlsplit(parts.settings.public_url).netloc
    with parts.transaction() as session:
        given = key_proofs.issue(session, user_id=caller().user_id, subject=pubkey, domain=domain, now=parts.now())
    body = {
        "challenge_id": str(given.id),
        "pubkey": given.subject,
        "message": given.message,
        "expires_at": moment(given.expires_at),
    }
    return json_answer(body, 201)


def _prove(body: dict[str, Any]) -> Response:
    parts, now, doer = container(), container().now(), caller()
    try:
        with parts.transaction() as session:
            signer = key_proofs.redeem(session, body["challenge_id"], body["signature"], user_id=doer.user_id, now=now)
            views = watch_wallets.belonging_to(session, doer.user_id, signer)
            watch_wallets.refresh(session, [view.wallet for view in views], now=now)
            detail = {"signer": signer, "wallets": len(views)}
            audit.record(session, "wallet.key_proved", by=actor(), now=now, detail=detail)
    except StrongroomError as refusal:
        with parts.transaction() as session:
            detail = {"reason": refusal.code}
            audit.record(session, "wallet.key_proved", by=actor(), now=now, success=False, detail=detail)
        raise
    with parts.reading() as session:
        views = watch_wallets.belonging_to(session, doer.user_id, signer)
    return json_answer({"pubkey": signer, "wallets": [shape(view, now) for view in views]})


def _exported(wallet: WatchWallet) -> dict[str, Any]:
    indexes = wallet.indexes()
    return {
        "desc": wallet.descriptor,
        "timestamp": 0,
        "active": False,
        **({"range": list(indexes)} if indexes is not None else {}),
        "label": wallet.label,
        "asset": NETWORKS[wallet.chain].asset_id,
        "chain": wallet.chain,
        "state": wallet.state,
        "imported_at": moment(wallet.created_at),
    }

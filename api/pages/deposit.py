"""Deposit addresses as text, link and QR code, and the deposits to them."""

from collections.abc import Collection, Sequence
from http import HTTPStatus
from uuid import UUID

from flask import Blueprint, Response, abort, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import signed_in
from api.pages import lines, qr, sentences
from api.pages.context import chosen_of, every_asset, field_errors, on_rails, page, see, typed
from api.pages.shapes import Activity, AddressCard, AssetName, Money
from api.request_context import actor, container
from api.statuses import status_of
from domain.errors import StrongroomError
from domain.rail_rows import NO_NETWORKS
from domain.rails import RAILS
from models.chain import DepositAddress
from services import activity, addresses, assets, chains

blueprint = Blueprint("deposit", __name__)

ARRIVALS_MAX = 50


@blueprint.get("/deposit")
@signed_in
def show() -> Response:
    """Show the newest address of an asset, or the one asked for, on one of its networks."""
    return _show(request.args.get("asset"), request.args.get("address", type=UUID), request.args.get("network", ""))


@blueprint.post("/deposit")
@signed_in
def issue() -> Response:
    """Issue a new address, or return the permanent one where users have one each."""
    parts = container()
    asset_id, network = typed("asset"), typed("network")
    try:
        with parts.transaction() as session:
            address = addresses.issue(
                session,
                user_id=guards.caller().user_id,
                asset_id=asset_id,
                network=network,
                now=parts.now(),
                by=actor(),
            )
    except StrongroomError as refusal:
        return _show(asset_id, None, network, problem=field_errors(refusal)[1], status=status_of(type(refusal)))
    return see(f"/deposit?address={address.id}")


@blueprint.get("/deposit/<uuid:address_id>/qr.svg")
@signed_in
def qr_code(address_id: UUID) -> Response:
    """Draw the address as a QR code: a payment link for wallets."""
    with container().reading() as session:
        address = _address(session, address_id)
        named = request.args.get("asset")
        asset = assets.get(session, named) if named else None
    contract = asset.contract if asset is not None and asset.chain == address.chain else None
    # It never changes, and it is this user's alone.
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(qr.drawn(_uri(address, contract)), mimetype="image/svg+xml", headers=headers)


def _show(
    asset_id: str | None, address_id: UUID | None, network: str, *, problem: str = "", status: int = HTTPStatus.OK
) -> Response:
    with container().reading() as session:
        choice = [asset for asset in on_rails(every_asset(session)) if RAILS[asset.chain].takes_deposits]
        wanted = _address(session, address_id) if address_id is not None else None
        if wanted is not None:
            payable = [asset.asset_id for asset in choice if asset.chain == wanted.chain]
            asset_id = asset_id if asset_id in payable else next(iter(payable), None)
        chosen = chosen_of(choice, asset_id)
        networks = RAILS[chosen.chain].networks if chosen else NO_NETWORKS
        network = _network(networks, wanted, network)
        mine = _mine(session, chosen, network) if chosen else ()
        current = wanted or (mine[0] if mine else None)
        card = _card(session, current, chosen) if current and chosen else None
        arrivals = _arrivals(session, current, chosen) if current and chosen else ()
        unread_since = chains.unread_since(session, chosen.chain, now=container().now()) if chosen else None
    return page(
        "deposit.html",
        status=status,
        assets=choice,
        chosen=chosen,
        chain=RAILS[chosen.chain].name if chosen else "",
        unread_since=unread_since,
        networks=list(networks.items()),
        network=network,
        # Each user has one permanent address.
        is_single=bool(networks) or (chosen is not None and RAILS[chosen.chain].has_accounts),
        card=card,
        arrivals=arrivals,
        others=[other for other in mine if current is None or other.id != current.id],
        problem=problem,
    )


def _network(networks: Collection[str], wanted: DepositAddress | None, asked: str) -> str:
    """The network of the address shown, or the one asked for, or the first; "" if there is only one."""
    if wanted is not None:
        asked = wanted.address.partition(":")[0]
    return asked if asked in networks else next(iter(networks), "")


def _mine(session: Session, asset: AssetName, network: str) -> Sequence[DepositAddress]:
    rows = addresses.of_user(session, guards.caller().user_id, asset.chain)
    return [row for row in rows if row.address.startswith(f"{network}:" if network else "")]


def _address(session: Session, address_id: UUID) -> DepositAddress:
    """An address of the caller's; others' are not found."""
    address = session.get(DepositAddress, address_id)
    if address is None or address.user_id != guards.caller().user_id:
        abort(HTTPStatus.NOT_FOUND)
    return address


def _uri(address: DepositAddress, contract: str | None) -> str:
    return RAILS[address.chain].payment_uri(address.address, contract=contract or "")


def _card(session: Session, address: DepositAddress, asset: AssetName) -> AddressCard:
    row, networks = assets.get(session, asset.asset_id), RAILS[address.chain].networks
    network, _, bare = address.address.partition(":")
    return AddressCard(
        id=address.id,
        address=bare if networks else address.address,
        uri=_uri(address, row.contract),
        network=networks.get(network, ""),
        asset=asset,
        minimum=Money(row.minimum_deposit_minor, asset),
        confirmations=sentences.tiers(row.confirmation_tiers, asset.decimals, asset.symbol),
        issued_at=address.issued_at or address.created_at,
    )


def _arrivals(session: Session, address: DepositAddress, asset: AssetName) -> Sequence[Activity]:
    rows = activity.sent_to(session, address, limit=ARRIVALS_MAX)
    heights = activity.heights(session)
    return [lines.arrival(row, asset, heights) for row in rows]

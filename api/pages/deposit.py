"""Get an address, show it as text, link and QR code, and watch what arrives at it."""

from collections.abc import Sequence
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
from domain.rails import RAILS
from models.chain import DepositAddress
from services import activity, addresses, assets

blueprint = Blueprint("deposit", __name__)

ARRIVALS_MAX = 50


@blueprint.get("/deposit")
@signed_in
def show() -> Response:
    """The newest address of an asset, or the one that is asked for."""
    return _show(request.args.get("asset"), request.args.get("address", type=UUID))


@blueprint.post("/deposit")
@signed_in
def issue() -> Response:
    """Issue a fresh address."""
    parts = container()
    asset_id = typed("asset")
    try:
        with parts.transaction() as session:
            address = addresses.issue(
                session, user_id=guards.caller().user_id, asset_id=asset_id, now=parts.now(), by=actor()
            )
    except StrongroomError as refusal:
        return _show(asset_id, None, problem=field_errors(refusal)[1], status=status_of(type(refusal)))
    return see(f"/deposit?address={address.id}")


@blueprint.get("/deposit/<uuid:address_id>/qr.svg")
@signed_in
def qr_code(address_id: UUID) -> Response:
    """The address as a QR code: a link that wallets read, for the coin or for the asset that is named."""
    with container().reading() as session:
        address = _address(session, address_id)
        named = request.args.get("asset")
        asset = assets.get(session, named) if named else None
    contract = asset.contract if asset is not None and asset.chain == address.chain else None
    # It never changes, and it is nobody else's.
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(qr.drawn(_uri(address, contract)), mimetype="image/svg+xml", headers=headers)


def _show(asset_id: str | None, address_id: UUID | None, *, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    with container().reading() as session:
        choice = on_rails(every_asset(session))
        wanted = _address(session, address_id) if address_id is not None else None
        if wanted is not None:
            payable = [asset.asset_id for asset in choice if asset.chain == wanted.chain]
            asset_id = asset_id if asset_id in payable else next(iter(payable), None)
        chosen = chosen_of(choice, asset_id)
        mine = addresses.of_user(session, guards.caller().user_id, chosen.chain) if chosen else ()
        current = wanted or (mine[0] if mine else None)
        card = _card(session, current, chosen) if current and chosen else None
        arrivals = _arrivals(session, current, chosen) if current and chosen else ()
    return page(
        "deposit.html",
        status=status,
        assets=choice,
        chosen=chosen,
        card=card,
        arrivals=arrivals,
        others=[other for other in mine if current is None or other.id != current.id],
        problem=problem,
    )


def _address(session: Session, address_id: UUID) -> DepositAddress:
    """An address of the caller; anybody else's does not exist for them."""
    address = session.get(DepositAddress, address_id)
    if address is None or address.user_id != guards.caller().user_id:
        abort(HTTPStatus.NOT_FOUND)
    return address


def _uri(address: DepositAddress, contract: str | None) -> str:
    return RAILS[address.chain].payment_uri(address.address, contract=contract or "")


def _card(session: Session, address: DepositAddress, asset: AssetName) -> AddressCard:
    row = assets.get(session, asset.asset_id)
    return AddressCard(
        id=address.id,
        address=address.address,
        uri=_uri(address, row.contract),
        asset=asset,
        minimum=Money(row.minimum_deposit_minor, asset),
        confirmations=sentences.tiers(row.confirmation_tiers, asset.decimals, asset.symbol),
        issued_at=address.issued_at or address.created_at,
    )


def _arrivals(session: Session, address: DepositAddress, asset: AssetName) -> Sequence[Activity]:
    rows = activity.sent_to(session, address, limit=ARRIVALS_MAX)
    heights = activity.heights(session)
    return [lines.arrival(row, asset, heights) for row in rows]

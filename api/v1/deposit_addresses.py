"""The caller's deposit addresses, which are watched for ever."""

from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import caller, scope
from api.request_context import actor, container
from api.schemas import StrictSchema, Text, json_answer, moment
from domain.rails import RAILS
from models.chain import DepositAddress
from services import addresses, assets

blueprint = Blueprint("deposit-addresses", __name__, description="Where to send money in.")


class AddressRequest(StrictSchema):
    """The asset, and the network where the asset has several."""

    asset = Text(required=True)
    network = Text(load_default="")


class AddressQuery(StrictSchema):
    """The asset; all of them if it is left out."""

    asset = Text(load_default=None)


class AddressItem(ma.Schema):
    """One address, and its payment link (BIP-21)."""

    id = ma.fields.UUID(required=True)
    chain = ma.fields.String(required=True)
    address = ma.fields.String(required=True)
    uri = ma.fields.String(required=True)
    issued_at = ma.fields.DateTime(required=True)


class AddressList(ma.Schema):
    """The newest addresses, at most 100."""

    items = ma.fields.List(ma.fields.Nested(AddressItem), required=True)


@blueprint.post("/deposit-addresses")
@scope("deposits:create")
@blueprint.takes(AddressRequest)
@blueprint.answers(201, AddressItem)
def issue_address(body: dict[str, Any]) -> Response:
    """Issue a new deposit address. Works while the node is down."""
    parts = container()
    with parts.transaction() as session:
        issued = addresses.issue(
            session,
            user_id=caller().user_id,
            asset_id=body["asset"],
            network=body["network"],
            now=parts.now(),
            by=actor(),
        )
    return json_answer(_shape(issued), 201)


@blueprint.get("/deposit-addresses")
@scope("deposits:read")
@blueprint.takes(AddressQuery, location="query")
@blueprint.answers(200, AddressList)
def list_addresses(query: dict[str, Any]) -> Response:
    """List the caller's deposit addresses, newest first."""
    with container().reading() as session:
        chain = assets.get(session, query["asset"]).chain if query["asset"] else None
        rows = addresses.of_user(session, caller().user_id, chain)
    return json_answer({"items": [_shape(row) for row in rows]})


def _shape(row: DepositAddress) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "chain": row.chain,
        "address": row.address,
        "uri": RAILS[row.chain].payment_uri(row.address),
        "issued_at": moment(row.issued_at),
    }

"""Conversions between two assets of the caller: pairs, quotes and conversions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import marshmallow as ma
from flask import Response
from sqlalchemy.orm import Session

from api.blueprint import Blueprint
from api.guards import caller, client_id, role, scope
from api.request_context import actor, container
from api.schemas import (
    PageQuery,
    StrictSchema,
    Text,
    amount_field,
    id_cursor,
    json_answer,
    moment,
    page,
    page_schema,
)
from api.v1 import money
from domain.conversions import FAILURES, spell_rate
from domain.flows import CONVERSION
from domain.ids import short_id
from domain.money import format_amount, parse_amount
from models.conversion import ConversionPair, ConversionQuote
from services import assets, conversions
from services.conversions import ConversionView
from services.idempotency import Answer

blueprint = Blueprint("conversions", __name__, description="Convert one asset into another, on a quote.")

_PPM_DIGITS: Final = 6


class PairItem(ma.Schema):
    """One pair. Spread and fee are shares of the amount sold: 0.005 is 0.5 %."""

    from_asset = ma.fields.String(required=True)
    to_asset = ma.fields.String(required=True)
    spread = ma.fields.String(required=True)
    fee = ma.fields.String(required=True)
    minimum = ma.fields.String(required=True)
    maximum = ma.fields.String(required=True)
    quote_lifetime_s = ma.fields.Integer(required=True)


class PairList(ma.Schema):
    """The open pairs, one item for each direction."""

    items = ma.fields.List(ma.fields.Nested(PairItem), required=True)


class OperatorPairItem(PairItem):
    """A pair for operators: open or paused, its prices, and the holding that it can pay out."""

    is_open = ma.fields.Boolean(required=True)
    from_price = ma.fields.String(required=True)
    to_price = ma.fields.String(required=True)
    tolerance = ma.fields.String(required=True)
    float = ma.fields.String(required=True, metadata={"description": "What is set aside of the asset bought."})


class OperatorPairList(ma.Schema):
    """All pairs, one item for each direction."""

    items = ma.fields.List(ma.fields.Nested(OperatorPairItem), required=True)


class QuoteRequest(StrictSchema):
    """How much of which asset to convert into which. The amount includes spread and fee."""

    from_asset = Text(required=True)
    to_asset = Text(required=True)
    amount = amount_field()


class QuoteItem(ma.Schema):
    """A quote. `amount` is taken; `change` is the part of the requested amount that is not, and stays where it is.

    `rate` is the value of one unit before `spread` and `fee`, which are in units of the asset sold.
    """

    id = ma.fields.UUID(required=True)
    from_asset = ma.fields.String(required=True)
    to_asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    change = ma.fields.String(required=True)
    receives = ma.fields.String(required=True)
    rate = ma.fields.String(required=True)
    spread = ma.fields.String(required=True)
    fee = ma.fields.String(required=True)
    quoted_at = ma.fields.DateTime(required=True)
    expires_at = ma.fields.DateTime(required=True)


class ConversionRequest(StrictSchema):
    """The quote to convert on."""

    quote_id = ma.fields.UUID(required=True)


class ConversionItem(ma.Schema):
    """One conversion. `failed_because` is the code of a failure, after which everything held was released."""

    id = ma.fields.UUID(required=True)
    quote_id = ma.fields.UUID(required=True)
    from_asset = ma.fields.String(required=True)
    to_asset = ma.fields.String(required=True)
    amount = ma.fields.String(required=True)
    receives = ma.fields.String(required=True)
    rate = ma.fields.String(required=True)
    spread = ma.fields.String(required=True)
    fee = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=ma.validate.OneOf(list(CONVERSION.states)))
    meaning = ma.fields.String(required=True)
    sentence = ma.fields.String(required=True)
    failed_because = ma.fields.String(required=True, allow_none=True, validate=ma.validate.OneOf([*FAILURES, None]))
    requested_at = ma.fields.DateTime(required=True)
    closed_at = ma.fields.DateTime(required=True, allow_none=True)
    flow = ma.fields.String(required=True)


@blueprint.get("/conversions/pairs")
@scope("conversions:read")
@blueprint.answers(200, PairList)
def list_pairs() -> Response:
    """List the open pairs and their terms."""
    with container().reading() as session:
        decimals = assets.decimals(session)
        return json_answer({"items": [_pair(row, decimals) for row in conversions.every(session) if row.is_open]})


@blueprint.get("/operator/conversion-pairs")
@role("viewer")
@blueprint.answers(200, OperatorPairList)
def list_pairs_for_operators() -> Response:
    """List every pair, open or paused, with the holding that it can pay out."""
    with container().reading() as session:
        decimals = assets.decimals(session)
        rows = conversions.every(session)
        floats = {asset_id: conversions.available(session, asset_id) for asset_id in {row.to_asset_id for row in rows}}
    items = [
        {
            **_pair(row, decimals),
            "is_open": row.is_open,
            "from_price": row.from_price,
            "to_price": row.to_price,
            "tolerance": _share(row.tolerance_ppm),
            "float": format_amount(floats[row.to_asset_id], decimals[row.to_asset_id]),
        }
        for row in rows
    ]
    return json_answer({"items": items})


@blueprint.post("/conversions/quotes")
@scope("conversions:create")
@blueprint.takes(QuoteRequest)
@blueprint.answers(201, QuoteItem)
def ask_for_quote(body: dict[str, Any]) -> Response:
    """Quote a conversion at current prices. Nothing is held unless the quote is used before it expires."""
    parts = container()
    with parts.transaction() as session:
        row = conversions.quote(
            session,
            user_id=caller().user_id,
            from_asset_id=body["from_asset"],
            to_asset_id=body["to_asset"],
            amount_minor=parse_amount(body["amount"], assets.get(session, body["from_asset"]).decimals),
            now=parts.now(),
            client_id=client_id(),
        )
        decimals = assets.decimals(session)
    return json_answer(shape_quote(row, decimals), 201)


@blueprint.post("/conversions")
@scope("conversions:create")
@blueprint.needs_key
@blueprint.takes(ConversionRequest)
@blueprint.answers(201, ConversionItem)
def convert(body: dict[str, Any]) -> Response:
    """Convert on a quote: hold the amount; it is converted within moments. An app can use only its own quotes."""

    def decide(session: Session, now: datetime) -> Answer:
        view = conversions.request(
            session, body["quote_id"], user_id=caller().user_id, now=now, by=actor(), client_id=client_id()
        )
        return Answer(201, shape(view, assets.decimals(session)))

    return money.once("conversion", body, decide)


@blueprint.get("/conversions")
@scope("conversions:read")
@blueprint.takes(PageQuery, location="query")
@blueprint.answers(200, page_schema("ConversionPage", ConversionItem))
def list_conversions(query: dict[str, Any]) -> Response:
    """List the caller's conversions, newest first."""
    with container().reading() as session:
        before = id_cursor(query["cursor"])
        rows = conversions.newest(session, caller().user_id, before=before, limit=query["limit"] + 1)
        decimals = assets.decimals(session)
    return json_answer(page(rows, query["limit"], lambda row: shape(row, decimals), lambda row: row.conversion.id))


@blueprint.get("/conversions/<uuid:conversion_id>")
@scope("conversions:read")
@blueprint.answers(200, ConversionItem)
def read_conversion(conversion_id: UUID) -> Response:
    """Read one of the caller's conversions."""
    with container().reading() as session:
        view = conversions.one(session, conversion_id, user_id=caller().user_id)
        return json_answer(shape(view, assets.decimals(session)))


def shape(view: ConversionView, decimals: Mapping[str, int]) -> dict[str, Any]:
    """A conversion as its owner sees it."""
    row = view.conversion
    state = CONVERSION.states[row.state]
    quote = shape_quote(view.quote, decimals)
    return {
        **{name: quote[name] for name in ("from_asset", "to_asset", "amount", "receives", "rate", "spread", "fee")},
        "id": str(row.id),
        "quote_id": str(row.quote_id),
        "state": row.state,
        "meaning": state.meaning,
        "sentence": state.sentence,
        "failed_because": row.failed_because,
        "requested_at": moment(row.requested_at),
        "closed_at": moment(row.closed_at),
        "flow": short_id(row.flow_id),
    }


def shape_quote(row: ConversionQuote, decimals: Mapping[str, int]) -> dict[str, Any]:
    """A quote as its owner sees it."""
    sold, bought = decimals[row.from_asset_id], decimals[row.to_asset_id]
    return {
        "id": str(row.id),
        "from_asset": row.from_asset_id,
        "to_asset": row.to_asset_id,
        "amount": format_amount(row.taken_minor, sold),
        "change": format_amount(row.change_minor, sold),
        "receives": format_amount(row.receives_minor, bought),
        "rate": spell_rate(row.rate),
        "spread": format_amount(row.spread_minor, sold),
        "fee": format_amount(row.fee_minor, sold),
        "quoted_at": moment(row.quoted_at),
        "expires_at": moment(row.expires_at),
    }


def _pair(row: ConversionPair, decimals: Mapping[str, int]) -> dict[str, Any]:
    sold = decimals[row.from_asset_id]
    return {
        "from_asset": row.from_asset_id,
        "to_asset": row.to_asset_id,
        "spread": _share(row.spread_ppm),
        "fee": _share(row.fee_ppm),
        "minimum": format_amount(row.minimum_minor, sold),
        "maximum": format_amount(row.maximum_minor, sold),
        "quote_lifetime_s": row.quote_lifetime_s,
    }


def _share(ppm: int) -> str:
    """Millionths as a decimal number: 5000 is 0.005000."""
    return format_amount(ppm, _PPM_DIGITS)

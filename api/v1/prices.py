"""Reference prices: the sources' quotes and an operator's manual price."""

from typing import Any

import marshmallow as ma
from flask import Response

from api.blueprint import Blueprint
from api.guards import role
from api.request_context import container, operator
from api.schemas import StrictSchema, Text, json_answer, moment
from domain.prices import parse_pair, parse_price, spell_price
from models.price import ReferencePrice
from services import prices
from services.prices import History

blueprint = Blueprint("prices", __name__, description="Reference prices, their sources and their age.")


class SaidItem(ma.Schema):
    """A source's last quote, however old."""

    source = ma.fields.String(required=True)
    price = ma.fields.String(required=True)
    observed_at = ma.fields.DateTime(required=True)


class PriceItem(ma.Schema):
    """One pair. Without enough fresh quotes that agree there is no price, and `refusal` says why."""

    pair = ma.fields.String(required=True)
    price = ma.fields.String(required=True, allow_none=True)
    observed_at = ma.fields.DateTime(required=True, allow_none=True)
    sources = ma.fields.List(ma.fields.String(), required=True)
    outliers = ma.fields.List(ma.fields.String(), required=True)
    refusal = ma.fields.String(required=True, allow_none=True)
    max_age_s = ma.fields.Integer(required=True)
    said = ma.fields.List(ma.fields.Nested(SaidItem), required=True)


class PriceList(ma.Schema):
    """One item per pair."""

    items = ma.fields.List(ma.fields.Nested(PriceItem), required=True)


class PriceRequest(StrictSchema):
    """A manual price, which counts as one source among the others and ages like them."""

    pair = Text(required=True, length_max=31)
    price = Text(required=True, length_max=60, metadata={"example": "64000.10"})


@blueprint.get("/prices")
@role("viewer")
@blueprint.answers(200, PriceList)
def list_prices() -> Response:
    """List every pair with its price, or why there is none."""
    parts = container()
    with parts.reading() as session:
        return json_answer({"items": [_shape(row) for row in prices.every(session, now=parts.now())]})


@blueprint.post("/prices")
@role("admin")
@blueprint.takes(PriceRequest)
@blueprint.answers(200, PriceList)
def set_price(body: dict[str, Any]) -> Response:
    """Set a manual price for a pair; the answer shows the resulting price."""
    parts = container()
    pair, price = parse_pair(body["pair"]), parse_price(body["price"])
    with parts.transaction() as session:
        prices.set_manually(session, pair, price, now=parts.now(), by=operator())
        items = [_shape(row) for row in prices.every(session, now=parts.now()) if row.rule.pair == pair]
    return json_answer({"items": items})


def _shape(row: History) -> dict[str, Any]:
    price = row.price
    return {
        "pair": row.rule.pair,
        "price": None if price is None else spell_price(price.price),
        "observed_at": None if price is None else moment(price.observed_at),
        "sources": [] if price is None else list(price.sources),
        "outliers": [] if price is None else list(price.outliers),
        "refusal": row.refusal or None,
        "max_age_s": row.rule.max_age_s,
        "said": [_said(said) for said in row.newest],
    }


def _said(row: ReferencePrice) -> dict[str, Any]:
    return {"source": row.source, "price": spell_price(row.price), "observed_at": moment(row.observed_at)}

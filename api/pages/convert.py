"""Convert one asset into another: ask for a quote, look at it, and accept it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from api import guards
from api.guards import signed_in
from api.pages.context import every_asset, field_errors, page, see, typed
from api.pages.shapes import AssetName, FormField, Money, Offer, QuoteCard
from api.pages.wording import per_cent, typed_amount
from api.request_context import actor, container
from api.statuses import status_of
from api.v1 import money
from domain.conversions import spell_rate
from domain.errors import StrongroomError
from domain.ids import new_id, short_id
from domain.money import parse_amount
from models.conversion import ConversionPair, ConversionQuote
from services import assets, balances, conversions
from services.idempotency import Answer

blueprint = Blueprint("convert", __name__)

_RATE_DIGITS: Final = 10


@blueprint.get("/convert")
@signed_in
def show() -> Response:
    """Show the empty form of a pair."""
    return _form(request.args.get("from", ""), request.args.get("to", ""))


@blueprint.post("/convert")
@signed_in
def ask() -> Response:
    """Quote an amount and redirect to the quote's page."""
    parts = container()
    sold, bought, amount = typed("from"), typed("to"), typed_amount(typed("amount"))
    try:
        with parts.transaction() as session:
            quote = conversions.quote(
                session,
                user_id=guards.caller().user_id,
                from_asset_id=sold,
                to_asset_id=bought,
                amount_minor=parse_amount(amount, assets.get(session, sold).decimals),
                now=parts.now(),
            )
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, "amount")
        return _form(sold, bought, beside=beside, problem=above, status=status_of(type(refusal)))
    return see(f"/convert/{quote.id}")


@blueprint.get("/convert/<uuid:quote_id>")
@signed_in
def look(quote_id: UUID) -> Response:
    """Show a quote until it expires. A used one redirects to its flow."""
    return _quote(quote_id)


@blueprint.post("/convert/<uuid:quote_id>")
@signed_in
def agree(quote_id: UUID) -> Response:
    """Convert on this quote; a form sent twice converts once. Redirects to the flow."""

    def decide(session: Session, now: datetime) -> Answer:
        made = conversions.request(session, quote_id, user_id=guards.caller().user_id, now=now, by=actor())
        return Answer(HTTPStatus.CREATED, {"flow": short_id(made.conversion.flow_id)})

    try:
        answer = money.decided("convert page", {"quote": str(quote_id)}, typed("idempotency_key"), decide)
    except StrongroomError as refusal:
        return _quote(quote_id, problem=field_errors(refusal)[1], status=status_of(type(refusal)))
    if answer.status == HTTPStatus.CREATED:
        return see(f"/flows/{answer.body['flow']}")
    return _quote(quote_id, problem=field_errors(answer.body)[1], status=answer.status)


def _form(
    from_asset_id: str,
    to_asset_id: str,
    *,
    beside: Mapping[str, Sequence[str]] | None = None,
    problem: str = "",
    status: int = HTTPStatus.OK,
) -> Response:
    with container().reading() as session:
        offers = _offers(session, guards.caller().user_id)
    wanted = [offer for offer in offers if (offer.sold.asset_id, offer.bought.asset_id) == (from_asset_id, to_asset_id)]
    return page(
        "convert.html",
        status=status,
        offers=offers,
        offer=next(iter([*wanted, *offers]), None),
        typed=FormField(typed("amount"), (beside or {}).get("amount", ())),
        problem=problem,
    )


def _quote(quote_id: UUID, *, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    """The quote. Raises QuoteNotFound."""
    parts, user_id = container(), guards.caller().user_id
    with parts.reading() as session:
        quote = conversions.quote_of(session, quote_id, user_id=user_id)
        made = conversions.of_quote(session, quote_id) if quote.used_at is not None else None
        known = every_asset(session)
    if made is not None:
        return see(f"/flows/{short_id(made.flow_id)}")
    card = _card(quote, known, now=parts.now())
    return page("convert_quote.html", status=status, quote=card, idempotency_key=f"page-{new_id()}", problem=problem)


def _offers(session: Session, user_id: UUID) -> list[Offer]:
    known = every_asset(session)
    available = {funds.asset_id: funds.available_minor for funds in balances.of_user(session, user_id)}
    return [_offer(row, known, available) for row in conversions.every(session) if row.is_open]


def _offer(row: ConversionPair, known: Mapping[str, AssetName], available: Mapping[str, int]) -> Offer:
    sold = known[row.from_asset_id]
    return Offer(
        sold=sold,
        bought=known[row.to_asset_id],
        available=Money(available.get(sold.asset_id, 0), sold),
        minimum=Money(row.minimum_minor, sold),
        maximum=Money(row.maximum_minor, sold),
        spread=per_cent(row.spread_ppm),
        fee=per_cent(row.fee_ppm),
        lifetime=timedelta(seconds=row.quote_lifetime_s),
    )


def _card(row: ConversionQuote, known: Mapping[str, AssetName], *, now: datetime) -> QuoteCard:
    sold, bought = known[row.from_asset_id], known[row.to_asset_id]
    return QuoteCard(
        id=row.id,
        taken=Money(row.taken_minor, sold),
        receives=Money(row.receives_minor, bought),
        change=Money(row.change_minor, sold),
        spread=Money(row.spread_minor, sold),
        fee=Money(row.fee_minor, sold),
        rate=spell_rate(row.rate, digits_max=_RATE_DIGITS),
        expires_at=row.expires_at,
        left_s=int((row.expires_at - now).total_seconds()),
    )

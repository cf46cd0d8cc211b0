"""Conversion pairs for operators: terms, prices, holdings and the switch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from api import guards
from api.guards import role
from api.pages.context import every_asset, field_errors, page, see, sentence, typed
from api.pages.shapes import AssetName, Money
from api.pages.wording import per_cent, typed_amount
from api.request_context import container, operator
from api.statuses import status_of
from domain.conversions import RateOutOfRange, spell_rate
from domain.errors import StrongroomError
from domain.money import parse_amount
from domain.prices import PriceDisputed, PriceStale
from models.conversion import ConversionPair
from services import assets, conversions

blueprint = Blueprint("conversion-pairs-page", __name__)

PLACE: Final = "/operator/conversions"
_RATE_DIGITS: Final = 10
Change = Callable[[Session], object]


@dataclass(frozen=True, slots=True)
class PairLine:
    """One direction. `rate` is empty when there is no price, and then `refusal` says why."""

    sold: AssetName
    bought: AssetName
    is_open: bool
    rate: str
    refusal: str
    prices: tuple[str, str]
    minimum: Money
    maximum: Money
    spread: str
    fee: str
    lifetime: timedelta
    tolerance: str
    is_worth_waiting_for: bool
    aside: Money


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """Show every pair, open or paused."""
    return _page()


@blueprint.post(f"{PLACE}/pause")
@role("admin")
def pause() -> Response:
    """Pause conversions of a pair."""
    return _switch(is_open=False)


@blueprint.post(f"{PLACE}/resume")
@role("admin")
def resume() -> Response:
    """Resume conversions of a pair."""
    return _switch(is_open=True)


@blueprint.post(f"{PLACE}/limits")
@role("admin")
def limit() -> Response:
    """Set the smallest and the largest conversion."""
    sold, bought, now = typed("from"), typed("to"), container().now()

    def change(session: Session) -> None:
        decimals = assets.get(session, sold).decimals
        least, most = (parse_amount(typed_amount(typed(name)), decimals, field=name) for name in ("minimum", "maximum"))
        conversions.set_limits(session, sold, bought, minimum_minor=least, maximum_minor=most, now=now, by=operator())

    return _change(change)


def _switch(*, is_open: bool) -> Response:
    sold, bought, now = typed("from"), typed("to"), container().now()
    return _change(lambda session: conversions.set_open(session, sold, bought, is_open=is_open, now=now, by=operator()))


def _change(change: Change) -> Response:
    try:
        with container().transaction() as session:
            change(session)
    except StrongroomError as refusal:
        beside, above = field_errors(refusal, "minimum", "maximum")
        words = above or " ".join(f"The {name}: {' '.join(told)}" for name, told in beside.items())
        return _page(problem=f"Nothing was changed: {words}", status=status_of(type(refusal)))
    return see(PLACE)


def _page(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    with container().reading() as session:
        known = every_asset(session)
        lines = [_line(session, row, known) for row in conversions.every(session)]
    may_change = "admin" in guards.caller().roles
    return page("conversion_pairs.html", status=status, lines=lines, may_change=may_change, problem=problem)


def _line(session: Session, row: ConversionPair, known: Mapping[str, AssetName]) -> PairLine:
    sold, bought = known[row.from_asset_id], known[row.to_asset_id]
    rate, refusal = _rate(session, row)
    return PairLine(
        sold=sold,
        bought=bought,
        is_open=row.is_open,
        rate=rate,
        refusal=refusal,
        prices=(row.from_price, row.to_price),
        minimum=Money(row.minimum_minor, sold),
        maximum=Money(row.maximum_minor, sold),
        spread=per_cent(row.spread_ppm),
        fee=per_cent(row.fee_ppm),
        lifetime=timedelta(seconds=row.quote_lifetime_s),
        tolerance=per_cent(row.tolerance_ppm),
        is_worth_waiting_for=row.tolerance_ppm > row.spread_ppm + row.fee_ppm,
        aside=Money(conversions.available(session, row.to_asset_id), bought),
    )


def _rate(session: Session, row: ConversionPair) -> tuple[str, str]:
    """The present rate of a pair, or why there is none."""
    try:
        rate = conversions.rate_now(session, row, now=container().now())
    except (PriceStale, PriceDisputed, RateOutOfRange) as refusal:
        return "", sentence(str(refusal))
    return spell_rate(rate, digits_max=_RATE_DIGITS), ""

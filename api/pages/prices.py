"""Reference prices for operators: each pair's price, its sources, and manual prices."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from api import guards
from api.guards import role
from api.pages.context import page, see, typed
from api.pages.wording import typed_amount
from api.request_context import container, operator
from api.statuses import status_of
from domain.errors import StrongroomError
from domain.prices import parse_pair, parse_price, spell_price
from models.price import PriceSource, ReferencePrice
from services import prices

blueprint = Blueprint("prices-page", __name__)

PLACE: Final = "/operator/prices"


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source: its last quote, whether it counts, and its error; `asked` is how often it is polled."""

    name: str
    price: str
    at: datetime | None
    meaning: str
    standing: str
    asked: timedelta | None
    problem: str


@dataclass(frozen=True, slots=True)
class PairLine:
    """One pair: its price, or why there is none."""

    pair: str
    price: str
    at: datetime | None
    refusal: str
    rule: str
    max_age: timedelta
    sources: tuple[SourceLine, ...]


@blueprint.get(PLACE)
@role("viewer")
def show() -> Response:
    """Show every pair with its sources."""
    return _page()


@blueprint.post(PLACE)
@role("admin")
def put() -> Response:
    """Set a manual price for a pair."""
    parts = container()
    try:
        pair, price = parse_pair(typed("pair")), parse_price(typed_amount(typed("price")))
        with parts.transaction() as session:
            prices.set_manually(session, pair, price, now=parts.now(), by=operator())
    except StrongroomError as refusal:
        return _page(problem=f"Nothing was changed: {refusal}", status=status_of(type(refusal)))
    return see(PLACE)


@blueprint.post(f"{PLACE}/drop")
@role("admin")
def drop() -> Response:
    """Remove a source."""
    parts = container()
    try:
        with parts.transaction() as session:
            prices.remove_source(session, typed("pair"), typed("source"), now=parts.now(), by=operator())
    except StrongroomError as refusal:
        return _page(problem=f"Nothing was changed: {refusal}", status=status_of(type(refusal)))
    return see(PLACE)


def _page(*, problem: str = "", status: int = HTTPStatus.OK) -> Response:
    now = container().now()
    with container().reading() as session:
        lines = [_pair(session, row, now) for row in prices.every(session, now=now)]
    may_set = "admin" in guards.caller().roles
    return page("prices.html", status=status, lines=lines, may_set=may_set, problem=problem)


def _pair(session: Session, row: prices.History, now: datetime) -> PairLine:
    rule, price = row.rule, row.price
    said, asked = {one.source: one for one in row.newest}, {one.name: one for one in prices.of_pair(session, rule.pair)}
    return PairLine(
        pair=rule.pair,
        price="" if price is None else spell_price(price.price),
        at=None if price is None else price.observed_at,
        refusal=row.refusal,
        rule=f"{rule.sources_min} of them must be fresh and within {Decimal(rule.outlier_bps) / 100:f} % of the middle",
        max_age=timedelta(seconds=rule.max_age_s),
        sources=tuple(_source(name, said.get(name), asked.get(name), row, now) for name in sorted({*said, *asked})),
    )


def _source(
    name: str, said: ReferencePrice | None, asked: PriceSource | None, row: prices.History, now: datetime
) -> SourceLine:
    if said is None:
        meaning, standing = "waiting", "has said nothing yet"
    elif asked is None and name != prices.MANUAL:
        meaning, standing = "wrong", "dropped, it has no say any more"
    elif now - said.observed_at > timedelta(seconds=row.rule.max_age_s):
        meaning, standing = "waiting", "too old to count"
    elif row.price is not None and name in row.price.outliers:
        meaning, standing = "wrong", "apart from the others, left out"
    elif row.price is None:
        meaning, standing = "waiting", "fresh, and not enough by itself"
    else:
        meaning, standing = "yours", "counts"
    return SourceLine(
        name=name,
        price="" if said is None else spell_price(said.price),
        at=None if said is None else said.observed_at,
        meaning=meaning,
        standing=standing,
        asked=None if asked is None else timedelta(seconds=asked.interval_s),
        problem="" if asked is None or not asked.last_error else f"{asked.failures} times in a row: {asked.last_error}",
    )

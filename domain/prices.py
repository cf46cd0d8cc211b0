"""Reference prices: how one is parsed, and what several sources together say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import ClassVar, Final

from domain.errors import StrongroomError

SCALE: Final = 18
"""How many decimals a price is kept with."""
DIGITS_MAX: Final = 20
"""How many digits it may have before the point."""
FUTURE_MAX: Final = timedelta(seconds=60)
"""How far clocks may differ; a price from further in the future is refused."""
BPS: Final = 10_000
_PAIR: Final = re.compile(r"[A-Za-z0-9.]{1,20}/[A-Z]{2,10}", re.ASCII)
_EXACT: Final = Context(prec=100)


class PriceStale(StrongroomError):
    """There are too few fresh prices of this pair."""

    code: ClassVar[str] = "price_stale"


class PriceDisputed(StrongroomError):
    """The sources of this pair differ too much from one another."""

    code: ClassVar[str] = "price_disputed"


class InvalidPrice(StrongroomError):
    """This is not a price: a positive decimal number of at most 20 digits, for a pair such as BTC/USD."""

    code: ClassVar[str] = "invalid_price"


@dataclass(frozen=True, slots=True)
class PriceRule:
    """What a pair's price must satisfy: maximum age, number of sources, and how far one may be from the others."""

    max_age: timedelta
    sources_min: int
    outlier_bps: int


@dataclass(frozen=True, slots=True)
class Observed:
    """What one source said, and when that was so."""

    source: str
    price: Decimal
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one unit. `observed_at` is the time of its oldest part; outliers are named, and not counted."""

    pair: str
    price: Decimal
    observed_at: datetime
    sources: tuple[str, ...]
    outliers: tuple[str, ...] = ()


def conclude(pair: str, observed: Sequence[Observed], rule: PriceRule, *, now: datetime) -> Price:
    """The median of the fresh prices that agree. Raises PriceStale, PriceDisputed.

    Of each source only its latest price counts. If no majority of the sources agrees, the price is disputed: the middle
    between two that contradict each other is a number that nobody reported.
    """
    fresh = [one for one in _newest(observed, now) if now - one.observed_at <= rule.max_age]
    if len(fresh) < rule.sources_min or not fresh:
        raise PriceStale(f"{pair}: {len(fresh)} of {rule.sources_min} sources have a price that is fresh")
    middle = median([one.price for one in fresh])
    agreed = [one for one in fresh if abs(one.price - middle) * BPS <= middle * rule.outlier_bps]
    if 2 * len(agreed) <= len(fresh) or len(agreed) < rule.sources_min:
        raise PriceDisputed(f"{pair}: {len(agreed)} of {len(fresh)} sources agree with their middle")
    return Price(
        pair,
        median([one.price for one in agreed]),
        min(one.observed_at for one in agreed),
        tuple(one.source for one in agreed),
        tuple(one.source for one in fresh if one not in agreed),
    )


def median(prices: Sequence[Decimal]) -> Decimal:
    """The median; of an even number, half-way between the middle two, cut to the scale of prices."""
    ordered = sorted(prices)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    if low == high:
        return low
    return _EXACT.quantize(_EXACT.divide(_EXACT.add(low, high), Decimal(2)), Decimal(1).scaleb(-SCALE))


def parse_price(value: object) -> Decimal:
    """A price from a string, a whole number or an exact decimal; a float is refused. Raises InvalidPrice."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or len(str(value)) > 100:  # noqa: PLR2004
        raise InvalidPrice
    try:
        price = Decimal(value)
    except InvalidOperation as error:
        raise InvalidPrice from error
    if not price.is_finite() or price <= 0 or price.adjusted() >= DIGITS_MAX or price.adjusted() < -SCALE:
        raise InvalidPrice
    kept = _EXACT.quantize(price, Decimal(1).scaleb(-SCALE))
    if kept.adjusted() >= DIGITS_MAX:  # rounded up to one digit more
        raise InvalidPrice
    return kept


def spell_price(price: Decimal) -> str:
    """A price as a plain decimal number, with all its digits (`normalize()` keeps only 28) and no trailing zeros."""
    whole, _, fraction = f"{price:f}".partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def parse_pair(text: str) -> str:
    """What is priced, and in what: BTC/USD. Raises InvalidPrice."""
    if _PAIR.fullmatch(text) is None:
        raise InvalidPrice(f"{text!r} is not a pair such as BTC/USD")
    return text


def worth_minor(amount_minor: int, decimals: int, price: Decimal, quote_decimals: int) -> int:
    """What an amount is worth in the quote's smallest unit, rounded towards zero."""
    numerator, denominator = price.as_integer_ratio()
    scaled: int = abs(amount_minor) * numerator * 10**quote_decimals // (denominator * 10**decimals)
    return -scaled if amount_minor < 0 else scaled


def _newest(observed: Sequence[Observed], now: datetime) -> list[Observed]:
    newest: dict[str, Observed] = {}
    for one in observed:
        if one.observed_at - now <= FUTURE_MAX and (
            one.source not in newest or newest[one.source].observed_at <= one.observed_at
        ):
            newest[one.source] = one
    return [newest[source] for source in sorted(newest)]

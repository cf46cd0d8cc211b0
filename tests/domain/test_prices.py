"""What several sources together say, and when they say nothing."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.prices import (
    InvalidPrice,
    Observed,
    PriceDisputed,
    PriceRule,
    PriceStale,
    conclude,
    median,
    parse_pair,
    parse_price,
    spell_price,
    worth_minor,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
RULE = PriceRule(timedelta(minutes=5), 2, 500)
PRICES = st.decimals(min_value="0.000000000000000001", max_value="1e15", places=18, allow_nan=False)


def said(*facts: tuple[str, str, int]) -> list[Observed]:
    return [Observed(source, Decimal(price), NOW - timedelta(seconds=age_s)) for source, price, age_s in facts]


@given(st.lists(PRICES, min_size=1, max_size=9))
def test_a_median_lies_in_the_middle_whatever_the_order(prices: list[Decimal]) -> None:
    middle = median(prices)
    assert middle == median(sorted(prices, reverse=True))
    assert min(prices) <= middle <= max(prices)
    assert 2 * sum(price < middle for price in prices) <= len(prices)
    assert 2 * sum(price > middle for price in prices) <= len(prices) + 1
    exponent = middle.as_tuple().exponent
    assert isinstance(exponent, int)
    assert exponent >= -18


@given(st.lists(st.tuples(PRICES, st.integers(-100, 900)), max_size=6))
def test_only_what_is_fresh_counts_and_too_little_of_it_refuses(facts: list[tuple[Decimal, int]]) -> None:
    observed = [Observed(str(place), price, NOW - timedelta(seconds=age)) for place, (price, age) in enumerate(facts)]
    fresh = {one.source for one in observed if -60 <= (NOW - one.observed_at).total_seconds() <= 300}
    try:
        price = conclude("BTC/USD", observed, RULE, now=NOW)
    except PriceStale:
        assert len(fresh) < RULE.sources_min
    except PriceDisputed:
        assert len(fresh) >= RULE.sources_min
    else:
        assert set(price.sources) | set(price.outliers) == fresh
        assert len(price.sources) > len(price.outliers)
        agreed = [one.price for one in observed if one.source in price.sources]
        assert min(agreed) <= price.price <= max(agreed)


def test_one_that_lies_is_named_and_moves_nothing() -> None:
    price = conclude("BTC/USD", said(("a", "100", 1), ("b", "101", 9), ("liar", "9000", 2)), RULE, now=NOW)
    assert (price.sources, price.outliers) == (("a", "b"), ("liar",))
    assert price.price == Decimal("100.5")
    assert NOW - price.observed_at == timedelta(seconds=9)


def test_two_that_contradict_each_other_are_no_price() -> None:
    with pytest.raises(PriceDisputed):
        conclude("BTC/USD", said(("a", "100", 1), ("b", "200", 1)), RULE, now=NOW)


def test_the_newest_word_of_a_source_counts_and_the_future_does_not() -> None:
    facts = said(("a", "90", 200), ("a", "100", 10), ("b", "100", 10), ("c", "5", -3600))
    assert conclude("BTC/USD", facts, RULE, now=NOW).price == 100
    with pytest.raises(PriceStale):
        conclude("BTC/USD", facts, RULE, now=NOW + timedelta(minutes=6))


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-1",
        "NaN",
        "Infinity",
        "1e21",
        "1e-19",
        "",
        "1,5",
        "x",
        "1" * 101,
        "9" * 20 + "." + "9" * 19,
        1.5,
        True,
        None,
    ],
)
def test_what_is_no_price_is_refused(text: object) -> None:
    with pytest.raises(InvalidPrice):
        parse_price(text)


def test_prices_are_read_exactly() -> None:
    assert parse_price("0.1") + parse_price("0.2") == Decimal("0.3")
    assert parse_price(Decimal("0.000000000000000001")) == Decimal("1e-18")


@given(PRICES)
def test_a_price_is_spelled_with_all_its_digits_and_no_zeros_behind_it(price: Decimal) -> None:
    spelled = spell_price(price)
    assert Decimal(spelled) == price
    assert "E" not in spelled
    assert not ("." in spelled and spelled.endswith(("0", ".")))


def test_twenty_digits_and_eighteen_decimals_are_spelled_in_full() -> None:
    assert (
        spell_price(parse_price("12345678901234567890.123456789012345678")) == "12345678901234567890.123456789012345678"
    )
    assert spell_price(Decimal("1200.00")) == "1200"


@pytest.mark.parametrize("text", ["BTC", "BTC/usd", "/USD", "BTC/USD ", "BTC//USD"])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(InvalidPrice):
        parse_pair(text)


@given(st.integers(-(10**30), 10**30), st.integers(0, 18), PRICES, st.integers(0, 8))
def test_worth_is_exact_and_rounded_towards_zero(minor: int, decimals: int, price: Decimal, quote: int) -> None:
    exact = Fraction(minor, 10**decimals) * Fraction(price) * 10**quote
    assert worth_minor(minor, decimals, price, quote) == int(exact)

"""What an amount brings: nothing is made, nothing is lost, and nobody gets more than the rate says."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.conversions import (
    PPM,
    Charges,
    ConversionTooSmall,
    RateOutOfRange,
    exchange,
    has_moved,
    rate_of,
    spell_rate,
)

PRICES = st.decimals(min_value="0.00000001", max_value="10000000", places=8, allow_nan=False)
CHARGES = st.tuples(st.integers(0, PPM // 2), st.integers(0, PPM // 2 - 1)).map(lambda both: Charges(*both))
DECIMALS = st.sampled_from([0, 2, 6, 8, 18])


def charge(amount_minor: int, ppm: int) -> int:
    """A share in millionths, rounded up."""
    return math.ceil(Fraction(amount_minor * ppm, PPM))


@settings(max_examples=200)
@given(st.integers(1, 10**24), st.tuples(PRICES, PRICES), CHARGES, DECIMALS, DECIMALS)
def test_an_exchange_is_conserved_exact_and_never_above_the_rate(
    amount_minor: int, priced: tuple[Decimal, Decimal], charges: Charges, sold_decimals: int, bought_decimals: int
) -> None:
    sold, bought = priced
    rate = rate_of(sold, bought)
    assert Fraction(rate) <= Fraction(sold) / Fraction(bought)
    per_unit = Fraction(rate) * Fraction(10) ** (bought_decimals - sold_decimals)
    try:
        made = exchange(amount_minor, rate, charges, sold_decimals=sold_decimals, bought_decimals=bought_decimals)
    except ConversionTooSmall:
        charged = charge(amount_minor, charges.spread_ppm + charges.fee_ppm)
        assert (amount_minor - charged) * per_unit < 1
        return
    assert made.net_minor + made.spread_minor + made.fee_minor + made.change_minor == amount_minor
    assert made.taken_minor == made.net_minor + made.spread_minor + made.fee_minor
    assert min(made.spread_minor, made.fee_minor, made.change_minor) >= 0
    assert 0 < made.receives_minor <= made.net_minor * per_unit
    assert made.fee_minor == charge(made.taken_minor, charges.fee_ppm)
    assert made.fee_minor + made.spread_minor == charge(made.taken_minor, charges.spread_ppm + charges.fee_ppm)
    # No unit less would have brought as much, so nothing is paid for what is not received.
    assert (made.net_minor - 1) * per_unit < made.receives_minor
    # What stays as change brings nothing more: asking with it or without it is the same exchange.
    again = exchange(made.taken_minor, rate, charges, sold_decimals=sold_decimals, bought_decimals=bought_decimals)
    assert (again.receives_minor, again.change_minor) == (made.receives_minor, 0)


def test_an_example_worked_by_hand() -> None:
    rate = rate_of(Decimal(64_000), Decimal(3))
    assert f"{rate:f}" == "21333.333333333333333333333333333333"
    # 1 BTC into a token of two decimals: 0.5 % spread and 0.25 % fee leave 0.9925, which is 21 173.33 of the token.
    made = exchange(10**8, rate, Charges(5_000, 2_500), sold_decimals=8, bought_decimals=2)
    assert made.receives_minor == 2_117_333
    assert (made.net_minor, made.spread_minor, made.fee_minor) == (99_249_985, 500_000, 250_000)
    assert (made.taken_minor, made.change_minor) == (99_999_985, 15)


def test_nobody_converts_free_of_charge_in_small_parts() -> None:
    one = exchange(100, Decimal(1), Charges(5_000, 2_500), sold_decimals=8, bought_decimals=8)
    assert (one.receives_minor, one.spread_minor + one.fee_minor) == (99, 1)


def test_what_brings_less_than_the_smallest_unit_is_refused() -> None:
    with pytest.raises(ConversionTooSmall):
        exchange(1, rate_of(Decimal(1), Decimal(2)), Charges(0, 0), sold_decimals=2, bought_decimals=2)


def test_a_rate_is_spelled_with_all_its_digits_or_fewer() -> None:
    rate = rate_of(Decimal(200), Decimal(3))
    assert spell_rate(rate) == "66." + 30 * "6"
    assert spell_rate(rate, digits_max=6) == "66.6666"
    assert spell_rate(rate_of(Decimal(5000), Decimal(10)), digits_max=2) == "500"


@pytest.mark.parametrize(("sold", "bought"), [("1e-18", "1e19"), ("1e19", "1e-18")])
def test_prices_too_far_apart_make_no_rate(sold: str, bought: str) -> None:
    with pytest.raises(RateOutOfRange):
        rate_of(Decimal(sold), Decimal(bought))


def test_a_rate_has_moved_beyond_its_tolerance_either_way() -> None:
    for moved, has in (("101", False), ("101.1", True), ("99", False), ("98.9", True)):
        assert has_moved(Decimal(100), Decimal(moved), tolerance_ppm=10_000) is has
    # Beyond the digits that decimals have by default, too.
    quoted = Decimal("100.000000000000000000000000000001")
    assert has_moved(quoted, Decimal(100), tolerance_ppm=0)
    assert not has_moved(quoted, quoted, tolerance_ppm=0)

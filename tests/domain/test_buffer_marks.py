"""A buffer near its marks does not flicker."""

from hypothesis import given
from hypothesis import strategies as st

from domain.buffer_marks import is_low, wanted_minor

AMOUNTS = st.integers(0, 100)


@given(AMOUNTS, AMOUNTS, AMOUNTS, st.booleans())
def test_between_the_marks_nothing_changes(low: int, more: int, spendable: int, was_low: bool) -> None:
    high = low + more
    now_low = is_low(spendable, low_minor=low, high_minor=high, was_low=was_low)
    if low <= spendable < high:
        assert now_low == was_low
    else:
        assert now_low == (spendable < low)
    assert is_low(spendable, low_minor=low, high_minor=high, was_low=now_low) == now_low


@given(AMOUNTS, AMOUNTS)
def test_what_is_wanted_fills_to_the_high_mark(spendable: int, high: int) -> None:
    filled = spendable + wanted_minor(spendable, high_minor=high)
    assert not is_low(filled, low_minor=high, high_minor=high, was_low=True)
    assert filled == max(spendable, high)

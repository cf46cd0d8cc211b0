"""How amounts, times and identifiers are written."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.pages import wording
from domain.ids import short_id
from domain.money import format_amount, parse_amount

NOW = datetime(2025, 11, 21, 14, 30, tzinfo=UTC)
THIN = wording.THIN_SPACE


@pytest.mark.parametrize(
    ("minor", "decimals", "sign", "written"),
    [
        (5_000_000, 8, "", "0.050 000 00"),
        (18_422_000, 8, "+", "+ 0.184 220 00"),
        (123_456_789_012, 8, "-", "− 1 234.567 890 12"),
        (-1_000, 8, "", "− 0.000 010 00"),
        (0, 8, "", "0.000 000 00"),
        (1, 18, "", "0.000 000 000 000 000 001"),
        (1_234_567, 0, "", "1 234 567"),
        (999, 0, "", "999"),
        (1_000, 3, "", "1.000"),
    ],
)
def test_an_amount_has_all_its_digits_in_groups_of_three(minor: int, decimals: int, sign: str, written: str) -> None:
    assert wording.amount(minor, decimals, sign=sign) == written.replace(" ", THIN)


@given(st.integers(1, 10**40), st.integers(0, 18))
def test_what_a_page_shows_can_be_typed_back(minor: int, decimals: int) -> None:
    shown = wording.amount(minor, decimals)
    assert wording.typed_amount(shown) == format_amount(minor, decimals)
    assert parse_amount(wording.typed_amount(shown), decimals) == minor


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=2), "2 s ago"),
        (timedelta(seconds=2.44), "2 s ago"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=4, seconds=59), "4 min ago"),
        (timedelta(hours=2, minutes=5), "2 h 5 min ago"),
        (timedelta(hours=14), "14 h ago"),
        (timedelta(hours=15), "yesterday"),
        (timedelta(days=1), "yesterday"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(days=7), "14 Nov 2025"),
        (timedelta(days=300), "25 Jan 2025"),
        (timedelta(minutes=-5), "in 5 min"),
    ],
)
def test_a_time_is_told_as_a_person_would(ago: timedelta, said: str) -> None:
    assert wording.relative(NOW - ago, NOW) == said


def test_the_exact_time_is_in_utc() -> None:
    assert wording.exact(NOW) == "2025-11-21 14:30:00 UTC"


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (timedelta(seconds=20), "about a minute"),
        (timedelta(minutes=20), "about 20 minutes"),
        (timedelta(minutes=119), "about 119 minutes"),
        (timedelta(hours=3), "about 3 hours"),
    ],
)
def test_an_estimate_says_that_it_is_one(duration: timedelta, said: str) -> None:
    assert wording.about(duration) == said


def test_a_long_duration_has_two_units() -> None:
    assert wording.lasting(timedelta(days=3, hours=4, minutes=5)) == "3 d 4 h"
    assert wording.lasting(timedelta(days=3)) == "3 d"
    assert wording.lasting(timedelta(seconds=0.25)) == "0.25 s"
    assert wording.lasting(timedelta(seconds=-1)) == "0 s"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (86_400, "1 day"),
        (172_800, "2 days"),
        (129_600, "36 hours"),
        (5_400, "90 minutes"),
        (61, "61 seconds"),
        (0, "0 seconds"),
    ],
)
def test_a_duration_that_somebody_set_is_said_in_full(seconds: int, said: str) -> None:
    assert wording.in_full(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("chain:anvil", "chain anvil"),
        ("price:tUSD/USD", "price tUSD/USD"),
        (f"flow:{UUID(int=5)}", f"flow {short_id(UUID(int=5))}"),
        (f"payout:{UUID(int=5)}", "payout 000000…000005"),
        ("house", "house"),
    ],
)
def test_what_an_alert_is_about_is_said_without_long_ids(scope: str, said: str) -> None:
    assert wording.scope(scope) == said


def test_an_identifier_keeps_both_ends() -> None:
    assert wording.middle("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq") == "bc1qar…wf5mdq"
    assert wording.middle("k7f3m2n9qd") == "k7f3m2n9qd"

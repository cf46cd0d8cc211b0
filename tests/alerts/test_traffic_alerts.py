"""What goes wrong with requests and conversions: each cause raises its alert, and its end clears it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from domain.ids import new_id, short_id
from services import traffic
from services.alerts.traffic_sources import REQUESTS_MIN
from services.traffic import Counted
from tests.alerts.looking import later, look
from tests.databases import Database
from wiring.container import Container

SECOND_US: Final = 1_000_000
API: Final = "api:all"


def asked(container: Container, counted: Counted) -> None:
    """Requests that two processes answered within this minute: half each."""
    half = Counted(counted.count // 2, counted.error_count // 2, counted.duration_us // 2)
    for _ in range(2):
        with container.transaction() as session:
            traffic.add_requests(session, {container.now().replace(second=0, microsecond=0): half})


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        pytest.param("api_error_rate", Counted(100, 6, 100), marks=pytest.mark.causes("api_error_rate")),
        pytest.param("api_slow", Counted(100, 0, 101 * SECOND_US), marks=pytest.mark.causes("api_slow")),
    ],
)
def test_requests_that_fail_or_take_long_are_told_of_until_others_do_not(
    container: Container, code: str, bad: Counted
) -> None:
    asked(container, Counted(100, 4, 99 * SECOND_US))
    assert look(container, code) == set()
    after = later(container, timedelta(hours=2))
    asked(after, bad)
    assert look(after, code) == {API}
    again = later(container, timedelta(hours=4))
    asked(again, Counted(100, 0, 100))
    assert look(again, code) == set()


def test_that_nobody_asks_any_more_does_not_clear_an_alert(container: Container) -> None:
    asked(container, Counted(100, 50, 100))
    assert look(container, "api_error_rate") == {API}
    quiet = later(container, timedelta(hours=3))
    assert look(quiet, "api_error_rate") == {API, f"nodata:{API}"}
    # A few that went well are knowledge; so were twenty.
    asked(later(quiet, timedelta(hours=1)), Counted(2, 0, 100))
    assert look(later(quiet, timedelta(hours=1)), "api_error_rate") == set()


def test_a_few_that_fail_wake_nobody_and_a_quiet_house_is_well(container: Container) -> None:
    assert look(container, "api_error_rate") == set()
    asked(container, Counted(REQUESTS_MIN - 2, REQUESTS_MIN - 2, 100 * SECOND_US))
    assert look(container, "api_error_rate") == look(container, "api_slow") == set()


def test_requests_of_the_hour_are_looked_at_where_the_last_minutes_had_too_few(container: Container) -> None:
    asked(container, Counted(100, 50, 100))
    after = later(container, timedelta(minutes=30))
    asked(after, Counted(2, 0, 100))
    assert look(after, "api_error_rate") == {API}
    asked(after, Counted(REQUESTS_MIN, 0, 100))
    assert look(later(after, timedelta(minutes=4)), "api_error_rate") == set()


@pytest.mark.causes("conversion_failures")
def test_conversions_that_fail_are_told_of_until_they_are_few(
    container: Container, raw: Callable[..., Any], own_database: Database
) -> None:
    with raw(own_database.superuser_url) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # flows of no asset
        for number in range(11):
            # Most have come to rest, and one waits for its refund.
            _conversion(cursor, container.now(), is_open=number == 0)
        connection.commit()
    assert look(container, "conversion_failures") == {"conversions:all"}
    assert look(later(container, timedelta(hours=2)), "conversion_failures") == set()


def _conversion(cursor: Any, now: datetime, *, is_open: bool) -> None:
    flow_id = new_id()
    cursor.execute(
        "INSERT INTO flows (group_id, short_id, kind, state, asset_id, amount_minor, opened_at, state_since, closed_at)"
        " VALUES (%(id)s, %(short_id)s, 'conversion', %(state)s, 'SATS', 1, %(now)s, %(now)s, %(closed_at)s)",
        {
            "id": str(flow_id),
            "short_id": short_id(flow_id),
            "state": "refunding" if is_open else "failed",
            "now": now,
            "closed_at": None if is_open else now,
        },
    )

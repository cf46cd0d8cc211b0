"""What goes wrong with requests and conversions: each cause raises its alert, and its end clears it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

import pytest

from services import traffic
from services.alerts.traffic_sources import REQUESTS_MIN
from services.traffic import Counted
from tests.alerts.looking import later, look
from tests.api.house import House
from tests.conversions.desk import COIN, SOLD_PRICE, Desk
from tests.databases import Database
from tests.services import threads
from tests.waiting import eventually
from wiring.container import Container
from wiring.tallies import requests_of

SECOND_US: Final = 1_000_000
API: Final = "api:all"
A_WHILE: Final = timedelta(minutes=1)
HELD_S: Final = 1.5


class Door:
    """The web application as a process of its own serves it; its sums are written when something was asked."""

    def __init__(self, container: Container) -> None:
        self._tally = requests_of(container.transaction)
        self._person = House(container, self._tally).person()
        self.last_asked: list[float] = []

    def asked(self, times: int, *, answer: int = 200, at_once: bool = False) -> None:
        """Somebody asks so often for what is theirs, and gets this answer each time."""
        self.last_asked.clear()
        answers = threads.at_once(*[self._ask] * times) if at_once else [self._ask() for _ in range(times)]
        assert set(answers) == {answer}
        self._tally.flush()

    def have_waited(self, times: int) -> bool:
        """Whether so many have asked, and the last of them more than a second ago."""
        return len(self.last_asked) == times and time.monotonic() - self.last_asked[-1] > HELD_S

    def _ask(self) -> int:
        self.last_asked.append(time.monotonic())
        return self._person.get("/balances").status_code


def asked(container: Container, counted: Counted) -> None:
    """Requests that two processes answered within this minute: half each."""
    half = Counted(counted.count // 2, counted.error_count // 2, counted.duration_us // 2)
    for _ in range(2):
        with container.transaction() as session:
            traffic.add_requests(session, {container.now().replace(second=0, microsecond=0): half})


@pytest.mark.causes("api_error_rate")
def test_requests_that_fail_are_told_of_until_others_do_not(
    container: Container, raw: Callable[..., Any], own_database: Database
) -> None:
    """Somebody renamed a table that a page needs."""
    door = Door(container)
    door.asked(REQUESTS_MIN)
    assert look(container, "api_error_rate") == set()
    with raw(own_database.owner_url) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_accounts RENAME TO gone")
        connection.commit()
        door.asked(2, answer=500)
        cursor.execute("ALTER TABLE gone RENAME TO ledger_accounts")
        connection.commit()
    after = later(container, A_WHILE)
    assert look(after, "api_error_rate") == {API}
    door.asked(REQUESTS_MIN)
    assert look(later(after, A_WHILE), "api_error_rate") == set()


@pytest.mark.causes("api_slow")
def test_requests_that_take_long_are_told_of_until_others_do_not(
    container: Container, raw: Callable[..., Any], own_database: Database
) -> None:
    """Somebody keeps a table locked for a while, and all who ask for it meanwhile wait."""
    door = Door(container)
    door.asked(1)
    with raw(own_database.owner_url) as holder, ThreadPoolExecutor(1) as elsewhere:
        holder.cursor().execute("LOCK TABLE ledger_accounts IN ACCESS EXCLUSIVE MODE")
        asking = elsewhere.submit(door.asked, REQUESTS_MIN, at_once=True)
        eventually(lambda: door.have_waited(REQUESTS_MIN), what="that all wait")
        assert not asking.done()
        holder.rollback()
        asking.result()
    assert look(container, "api_slow") == {API}
    door.asked(3 * REQUESTS_MIN)
    assert look(later(container, A_WHILE), "api_slow") == set()


def test_the_limits_of_requests_are_those_that_the_rules_name(container: Container) -> None:
    asked(container, Counted(100, 4, 99 * SECOND_US))
    assert look(container, "api_error_rate") == look(container, "api_slow") == set()
    after = later(container, timedelta(hours=2))
    asked(after, Counted(100, 6, 101 * SECOND_US))
    assert look(after, "api_error_rate") == {API}
    assert look(after, "api_slow") == {API}


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
def test_conversions_that_fail_are_told_of_until_they_are_few(container: Container) -> None:
    """The price falls while people convert, so that no quote holds any more."""
    desk = Desk.open(container)
    quotes = [(person, desk.quote(person)) for person in (desk.somebody(COIN) for _ in range(11))]
    for person, quote in quotes[:10]:
        desk.convert(person, quote.id)
    desk.price(SOLD_PRICE, "90")
    assert desk.settle() == 10
    assert look(container, "conversion_failures") == set()
    person, quote = quotes[10]
    failing = desk.convert(person, quote.id)
    desk.settle()
    assert desk.told(failing.id) == ("failed", "price_moved")
    assert look(container, "conversion_failures") == {"conversions:all"}
    # Those that are quoted at the new price are carried out, and an hour later the failures are history.
    desk.asked(person)
    desk.settle()
    assert look(later(container, timedelta(hours=2)), "conversion_failures") == set()

"""A test that says it causes an alert is caught when it makes the cause up, however it does."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from models.flow import Flow
from models.work import Heartbeat
from services import traffic
from services.traffic import Counted
from tasks.upkeep import heartbeat
from tests.alerts import by_hand
from tests.databases import Database
from tests.rail import BY
from tests.services import logged
from wiring.container import Container
from wiring.tallies import requests_of, this_minute


def test_what_a_test_writes_itself_is_seen_however_it_does(
    container: Container, raw: Callable[..., Any], own_database: Database
) -> None:
    with by_hand.watched(["api_slow"]) as written:
        with container.transaction() as session:
            traffic.add_requests(session, {this_minute(): Counted(100)})
            session.execute(update(Flow).values(state="failed"))
            session.add(Heartbeat(queue="money", ran_at=container.now(), worker="test"))
        with raw(own_database.owner_url) as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM request_minutes")
    assert [each.partition(" in tests/alerts/test_by_hand.py:")[0] for each in written] == [
        "request_minutes", "flows", "heartbeats", "request_minutes",
    ]  # fmt: skip


def test_what_the_house_writes_is_not_held_against_a_test_nor_what_people_set(container: Container) -> None:
    with by_hand.watched(["webhook_disabled"]) as written:
        logged.add_asset(container)
        with container.transaction() as session:
            logged.opened(session, container)  # which this rule does not look at
        heartbeat.run.__wrapped__(container, BY, "money")
        tally = requests_of(container.transaction)
        tally.count(this_minute(), duration_s=1)
        tally.flush()
    assert written == []

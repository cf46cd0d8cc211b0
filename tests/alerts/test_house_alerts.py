"""What goes wrong around the money: each cause raises its alert, and its end clears it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from domain.actor import Actor
from domain.alert_rules import NODATA_AFTER
from domain.ids import new_id
from models.oauth import OAuthAccessToken
from services import audit, heartbeats, log_lines
from tests.alerts.looking import WELL, later, look
from tests.databases import Database
from wiring.container import Container

HERE: Final = "here"


@pytest.mark.parametrize(
    ("code", "bad", "scope"),
    [
        ("disk_low", {"disk_free_percent": 9.9}, "disk:here"),
        ("memory_high", {"memory_used_percent": 90.1}, "memory:here"),
        ("dependency_down", {"redis_answers": False}, "redis:here"),
    ],
)
def test_a_host_that_runs_out_raises_and_a_recovered_one_clears(
    container: Container, code: str, bad: dict[str, Any], scope: str
) -> None:
    assert look(container, code) == set()
    assert look(later(container, timedelta(hours=1)), code, replace(WELL, **bad)) == {scope}
    nothing: dict[str, Any] = dict.fromkeys(bad)
    unknown = replace(WELL, **nothing)
    after = later(container, timedelta(hours=2))
    assert look(after, code, unknown) == {scope, f"nodata:{scope}"}
    assert look(later(container, timedelta(hours=3)), code) == set()


def test_a_queue_that_nothing_comes_out_of_is_told_of_until_something_does(container: Container) -> None:
    with container.transaction() as session:
        heartbeats.beat(session, "money", worker=HERE, now=container.now() + NODATA_AFTER)
    assert look(container, "dependency_down") == set()
    after = later(container, timedelta(minutes=5))
    assert look(after, "dependency_down") == {"queue:money"}
    again = later(after, timedelta(minutes=5))
    with again.transaction() as session:
        heartbeats.beat(session, "money", worker=HERE, now=again.now() + NODATA_AFTER)
    assert look(again, "dependency_down") == set()


def test_a_certificate_that_ends_soon_is_told_of_until_it_is_renewed(container: Container) -> None:
    ends = container.now() + timedelta(days=13)
    facts = replace(WELL, serves_https=True, certificate_ends_at=ends)
    assert look(container, "certificate_expiring", facts) == {"certificate:here"}
    unread = replace(facts, certificate_ends_at=None)
    assert "certificate:here" in look(later(container, timedelta(hours=1)), "certificate_expiring", unread)
    renewed = replace(facts, certificate_ends_at=ends + timedelta(days=90))
    assert look(later(container, timedelta(hours=2)), "certificate_expiring", renewed) == set()


def test_many_failed_sign_ins_are_told_of_until_they_are_few(container: Container) -> None:
    with container.transaction() as session:
        for _ in range(21):
            audit.record(session, "login", by=Actor("visitor"), now=container.now(), success=False)
    assert look(container, "login_failures") == {"logins:all"}
    assert look(later(container, timedelta(minutes=20)), "login_failures") == set()


def test_failures_to_process_deposits_are_told_of_until_they_are_few(container: Container) -> None:
    line = {
        "at": container.now(),
        "correlation_id": "c",
        "level": "error",
        "logger": "tasks.app",
        "line": "task_failed",
        "said": {"task": "deposits.credit"},
    }
    with container.transaction() as session:
        log_lines.append(session, [line] * 6)
    assert look(container, "deposit_processing_failure") == {"deposits:all"}
    assert look(later(container, timedelta(minutes=20)), "deposit_processing_failure") == set()


def test_a_burst_of_tokens_is_told_of_until_it_is_over(container: Container, raw: Callable[..., Any],
                                                       own_database: Database) -> None:  # fmt: skip
    now = container.now()
    row = {"scope": "profile:read", "audience": "[]", "issued_at": now, "expires_at": now + timedelta(hours=1)}
    table = OAuthAccessToken.__tablename__
    with raw(own_database.superuser_url) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # the tokens of no family
        for _ in range(101):
            cursor.execute(
                f"INSERT INTO {table} (jti, family_id, scope, audience, issued_at, expires_at)"
                " VALUES (%(jti)s, %(jti)s, %(scope)s, %(audience)s, %(issued_at)s, %(expires_at)s)",
                {**row, "jti": str(new_id())},
            )
        connection.commit()
    assert look(container, "token_issuance_unusual") == {"tokens:all"}
    assert look(later(container, timedelta(minutes=20)), "token_issuance_unusual") == set()


def test_a_rule_that_cannot_be_judged_is_an_alert_and_clears_nothing(
    container: Container, raw: Callable[..., Any], own_database: Database
) -> None:
    with container.transaction() as session:
        for _ in range(21):
            audit.record(session, "login", by=Actor("visitor"), now=container.now(), success=False)
    assert look(container, "login_failures") == {"logins:all"}
    with raw(own_database.owner_url) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_logs RENAME COLUMN success TO gone")
        connection.commit()
    after = later(container, timedelta(minutes=20))
    assert look(after, "login_failures") == {"logins:all", "nodata:logins:all", "nodata:all"}
    with after.reading() as session:
        found = session.execute(text("SELECT outcome, error FROM alert_evaluations")).one()
    assert tuple(found) == ("error", ProgrammingError.__name__)
    with raw(own_database.owner_url) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_logs RENAME COLUMN gone TO success")
        connection.commit()
    assert look(later(container, timedelta(minutes=40)), "login_failures") == set()

"""Warnings and errors of requests and tasks are kept, without secrets, in bounds, and at nobody's expense."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest
import structlog

from models.log_line import KeptLogLine
from services import log_lines
from tests.plain_log import logging_as_served
from tests.waiting import eventually
from wiring import log_keeper
from wiring.container import Container
from wiring.log_keeper import LogKeeper, keep_lines


@pytest.fixture
def keeper(container: Container) -> Iterator[LogKeeper]:
    with logging_as_served(container.settings):
        keep_lines(container.transaction, container.now)
        yield keep_lines(container.transaction, container.now)


def kept(container: Container) -> list[KeptLogLine]:
    with container.reading() as session:
        return list(log_lines.said_for(session, {"c-1"}))


def fail() -> None:
    raise ValueError("could not reach http://u:hunter2@node")


def test_what_goes_wrong_is_found_by_its_correlation_id(container: Container, keeper: LogKeeper) -> None:
    log = structlog.get_logger("ours")
    log.warning("said_nowhere")
    structlog.contextvars.bind_contextvars(correlation_id="c-1", task="withdrawals.pay")
    log.info("not_worth_keeping")
    log.warning("withdrawal_waits", code="no_funds", url="http://u:hunter2@node", token="hunter2")
    try:
        fail()
    except ValueError:
        log.exception("task_failed")
    logging.getLogger("a.library").error("slow %s", "answer\0")
    eventually(lambda: len(kept(container)) == 3)
    waits, failed, slow = kept(container)
    assert (waits.line, waits.level, waits.said["code"], waits.said["task"]) == (
        "withdrawal_waits", "warning", "no_funds", "withdrawals.pay",
    )  # fmt: skip
    assert failed.said["error"].startswith("ValueError: could not reach")
    assert slow.line == "slow answer"
    assert "hunter2" not in str([row.said for row in (waits, failed, slow)])


def test_a_flood_is_cut_off_and_old_lines_are_forgotten(
    container: Container, keeper: LogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_keeper, "PER_MINUTE_MAX", 5)
    structlog.contextvars.bind_contextvars(correlation_id="c-1")
    for _ in range(50):
        structlog.get_logger("ours").warning("again")
    # The minute may turn in the middle.
    eventually(lambda: 5 <= len(kept(container)) <= 10)
    with container.transaction() as session:
        assert log_lines.forget_old(session, now=container.now() + timedelta(days=89)) == 0
        assert log_lines.forget_old(session, now=container.now() + timedelta(days=91)) >= 5
    assert kept(container) == []


def test_a_database_that_is_down_stops_nobody(container: Container, keeper: LogKeeper) -> None:
    structlog.contextvars.bind_contextvars(correlation_id="c-1")
    with container.transaction() as session:
        session.connection().exec_driver_sql("LOCK TABLE kept_log_lines IN SHARE MODE")
        for _ in range(log_keeper.WAITING_MAX + 10):
            structlog.get_logger("ours").warning("again")
    eventually(lambda: len(kept(container)) > 0)

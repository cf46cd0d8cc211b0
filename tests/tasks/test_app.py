"""The policy that every task is under."""

import pickle
from collections.abc import Iterator
from time import perf_counter
from types import SimpleNamespace

import pytest
import structlog
from billiard import SimpleQueue, pool
from celery.app.trace import build_tracer
from sqlalchemy import create_engine
from structlog.testing import capture_logs

from domain.actor import Actor
from tasks import app as tasks_app
from tasks.publisher import CALLER
from wiring.container import Container

SEEN: list[Actor] = []


@pytest.fixture
def noting(container: Container, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A task that notes who it works for, on the container of this test."""
    monkeypatch.setattr(tasks_app, "container", lambda: container)

    @tasks_app.task("test.note")
    def note(_: Container, by: Actor) -> None:
        SEEN.append(by)

    yield "test.note"
    tasks_app.app.tasks.pop("test.note")
    SEEN.clear()
    structlog.contextvars.clear_contextvars()


def test_a_task_goes_on_under_the_correlation_id_of_whoever_promised_it(noting: str) -> None:
    tasks_app.app.tasks[noting].apply(headers={CALLER: "request-17"}, throw=True)
    assert [by.correlation_id for by in SEEN] == ["request-17"]
    assert structlog.contextvars.get_contextvars()["correlation_id"] == "request-17"


def test_a_task_that_nobody_promised_gets_a_correlation_id_of_its_own(noting: str) -> None:
    for _ in range(2):
        tasks_app.app.tasks[noting].apply(throw=True)
    first, second = (by.correlation_id for by in SEEN)
    assert first
    assert second
    assert first != second


def test_a_process_does_not_stay_because_nobody_read_its_last_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its worker waits for it, and the supervisor for that one, and kills both after twenty seconds."""
    monkeypatch.setattr(pool, "GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT", 300)
    tasks_app._leave_at_once()
    process = pool.Worker(SimpleQueue(), SimpleQueue(), on_ready_counter=SimpleNamespace(value=0))
    began = perf_counter()
    assert process._ensure_messages_consumed(completed=1) is False
    assert perf_counter() - began < 15  # or thirty


PIPE_BYTES = 65_536
"""What a process can tell its worker before somebody must read it: pipe(7)."""


def test_a_task_that_fails_deep_in_a_library_says_no_more_than_its_worker_may_leave_unread(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks_app, "container", lambda: container)

    @tasks_app.task("test.connect")
    def connect(_: Container, by: Actor) -> None:
        create_engine("postgresql+psycopg2:///nowhere?host=/nonexistent").connect()

    try:
        run = build_tracer("test.connect", tasks_app.app.tasks["test.connect"], app=tasks_app.app)
        with capture_logs() as lines:
            told = run("1", (), {}, {"headers": {CALLER: "request-17"}}).retval
    finally:
        tasks_app.app.tasks.pop("test.connect")
    assert len(pickle.dumps(told)) < PIPE_BYTES
    assert [line["event"] for line in lines] == ["task_failed"]
    assert lines[0]["exc_info"]
    assert str(told.exception) == "OperationalError, correlation id request-17"

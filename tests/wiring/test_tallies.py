"""What a process counts for itself is added to what others counted, once, and waits while the database is away."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services import traffic
from services.traffic import Run
from wiring import tallies
from wiring.container import Container
from wiring.database import make_engine
from wiring.secret import Secret
from wiring.tallies import requests_of, tasks_of, this_minute

SECOND_US = 1_000_000


def test_two_processes_add_to_one_sum(container: Container) -> None:
    minute = this_minute()
    for _ in range(2):
        tally = requests_of(container.transaction)
        tally.count(minute, duration_s=1)
        tally.count(minute, duration_s=0.5, is_error=True)
        tally.count(minute - timedelta(minutes=1), duration_s=2)
        tally.flush()
        tally.flush()
    with container.reading() as session:
        found = traffic.minutes(session, after=minute - timedelta(minutes=2))
    assert [(at, each.count, each.error_count, each.duration_us) for at, each in found] == [
        (minute, 4, 2, 3 * SECOND_US),
        (minute - timedelta(minutes=1), 2, 0, 4 * SECOND_US),
    ]


def test_sums_are_written_by_themselves_after_a_while(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "FLUSH_EVERY_S", 0.01)
    tally = tasks_of(container.transaction)
    tally.count(Run("outbox.relay", "done"), duration_s=1)
    timer = tally._timer
    assert timer is not None
    timer.join()
    with container.reading() as session:
        assert traffic.tasks(session)[Run("outbox.relay", "done")].count == 1


def test_sums_that_cannot_be_written_wait_for_the_next_time(container: Container) -> None:
    nowhere = Secret("postgresql://nobody@127.0.0.1:1/nothing")
    away = replace(container, engine=make_engine(nowhere, pool_size=1, statement_timeout_s=1, lock_timeout_s=1))
    tally = tasks_of(away.transaction)
    tally.count(Run("outbox.relay", "failed"), duration_s=1)
    tally.flush()
    tally.count(Run("outbox.relay", "failed"), duration_s=1)
    tally._transaction = container.transaction
    tally.flush()
    with container.reading() as session:
        assert traffic.tasks(session)[Run("outbox.relay", "failed")].count == 2


def test_old_minutes_are_forgotten(container: Container) -> None:
    tally = requests_of(container.transaction)
    tally.count(this_minute() - 2 * traffic.KEPT, duration_s=1)
    tally.flush()
    with container.transaction() as session:
        traffic.forget_old(session, now=container.now())
        assert traffic.minutes(session, after=this_minute() - 3 * traffic.KEPT) == []

"""Old events are put away compressed, and nothing is lost, doubled or changed by it, whatever else is written."""

import signal
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2 import errors
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.flows import INTERNAL_TRANSFER, WITHDRAWAL
from models.flow import FlowEvent
from services import event_log, flows, retention
from services.flows import Opening, Step
from tests import horizon
from tests.databases import Database
from tests.dying import die_at
from tests.services import logged, threads
from tests.services.logged import BY
from tests.waiting import eventually
from wiring.container import Container
from wiring.secret import Secret

Facts = tuple[Any, ...]


@pytest.fixture(autouse=True)
def asset(container: Container) -> None:
    logged.add_asset(container)


def closed(container: Container, *, days_ago: int, notes: int = 0, detail: str = "") -> UUID:
    """A flow that ended so many days ago."""
    then = container.now() - timedelta(days=days_ago)
    opening = Opening(INTERNAL_TRANSFER, "completed", None, logged.ASSET, 1, {"note": detail})
    with container.transaction() as session:
        flow_id = flows.open_one(session, opening, now=then, by=BY)
        for number in range(notes):
            flows.note(session, flow_id, "completed", {"n": number}, now=then, by=BY)
    return flow_id


def archive(container: Container, *, at_once: int = 3) -> int:
    """Put away all that is due; how many events that were."""
    moved = 0
    while True:
        with container.transaction() as session:
            flow_count, event_count = retention.archive_some(session, now=container.now(), flows=at_once)
        moved += event_count
        if not flow_count:
            return moved


def story(container: Container, flow_id: UUID) -> list[Facts]:
    with container.reading() as session:
        return [_facts(event) for event in flows.events_of(session, flow_id)]


def counts(container: Container) -> tuple[int, int]:
    """How many events are where they were written, and how many are put away."""
    with container.reading() as session:
        here, there = session.execute(
            text("SELECT (SELECT count(*) FROM flow_events), (SELECT sum(event_count) FROM flow_events_archive)")
        ).one()
        return here, there or 0


def test_what_is_put_away_reads_as_before_and_only_what_is_old_and_over_is(container: Container) -> None:
    old, recent = closed(container, days_ago=120, notes=3, detail="ünï\n\"'"), closed(container, days_ago=80, notes=1)
    with container.transaction() as session:
        then = container.now() - timedelta(days=200)
        waiting = flows.open_one(
            session, Opening(WITHDRAWAL, "requested", None, logged.ASSET, 1), now=then, by=BY, then="pending_approval"
        )
    before = {flow_id: story(container, flow_id) for flow_id in (old, recent, waiting)}
    assert archive(container) == 4
    assert counts(container) == (4, 4)
    assert {flow_id: story(container, flow_id) for flow_id in (old, recent, waiting)} == before
    assert archive(container) == 0


def test_a_flow_that_moves_again_afterwards_is_one_story_and_is_put_away_again(container: Container) -> None:
    then = container.now() - timedelta(days=120)
    with container.transaction() as session:
        opening = Opening(WITHDRAWAL, "requested", None, logged.ASSET, 1)
        flow_id = flows.open_one(session, opening, now=then, by=BY, then="pending_approval")
        flows.record(session, Step(flow_id, WITHDRAWAL, "pending_approval", "cancelled"), now=then, by=BY)
    archive(container)
    later = container.now() - timedelta(days=100)
    with container.transaction() as session:
        flows.note(session, flow_id, "cancelled", {"late": True}, now=later, by=BY)
        session.execute(text("UPDATE flows SET closed_at = :later"), {"later": later})
    whole = story(container, flow_id)
    assert [fact[2] for fact in whole] == ["requested", "pending_approval", "cancelled", "cancelled"]
    assert archive(container) == 1
    assert story(container, flow_id) == whole


def test_nothing_is_put_away_that_a_consumer_has_yet_to_read(container: Container) -> None:
    with container.transaction() as session:
        event_log.claim(session, "slow", owner="me", now=container.now())
    closed(container, days_ago=120)
    assert archive(container) == 0
    horizon.reached(container.engine)
    with container.transaction() as session:
        batch = event_log.claim(session, "slow", owner="me", now=container.now())
        assert batch is not None
        event_log.advance(session, batch, now=container.now())
    assert archive(container) == 0  # its own transaction is not over for the consumer
    closed(container, days_ago=1)
    horizon.reached(container.engine)
    with container.transaction() as session:
        batch = event_log.claim(session, "slow", owner="me", now=container.now())
        assert batch is not None
        event_log.advance(session, batch, now=container.now())
    horizon.reached(container.engine)
    assert archive(container) == 1


def test_a_failure_in_the_middle_moves_nothing(container: Container) -> None:
    flow_id = closed(container, days_ago=120, notes=2)
    before = story(container, flow_id)
    with Session(container.engine) as session:
        assert retention.archive_some(session, now=container.now()) == (1, 3)
        session.rollback()
    assert counts(container) == (3, 0)
    assert archive(container) == 3
    assert story(container, flow_id) == before


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 4), st.text(max_size=8)), min_size=1, max_size=10),
    at_once=st.integers(1, 5),
)
def test_nothing_is_lost_doubled_or_changed(
    container: Container, made: Sequence[tuple[int, int, str]], at_once: int
) -> None:
    stories = {}
    for days_ago, notes, detail in made:
        flow_id = closed(container, days_ago=days_ago, notes=notes, detail=detail.replace("\0", ""))
        stories[flow_id] = story(container, flow_id)
    total = sum(counts(container))
    archive(container, at_once=at_once)
    assert {flow_id: story(container, flow_id) for flow_id in stories} == stories
    assert sum(counts(container)) == total


def test_nothing_is_lost_or_doubled_while_others_write_and_archive_too(container: Container) -> None:
    old = [closed(container, days_ago=100 + number, notes=2) for number in range(24)]
    over = Event()
    then = container.now() - timedelta(days=95)

    def annotate(some: Sequence[UUID]) -> int:
        for flow_id in some:
            with container.transaction() as session:
                flows.note(session, flow_id, "completed", {"while": "moving"}, now=then, by=BY)
        over.set()
        return 0

    def put_away() -> int:
        moved = 0
        while not over.is_set():
            moved += archive(container, at_once=1)
        return moved

    def read() -> int:
        while not over.is_set():
            for flow_id in old[:4]:
                seen = [fact[0] for fact in story(container, flow_id)]
                assert len(seen) == len(set(seen)) >= 3
        return 0

    moved = sum(
        threads.at_once(lambda: annotate(old[::2]), lambda: annotate(old[1::2]), put_away, put_away, read)
    ) + archive(container)
    here, there = counts(container)
    assert moved == there > 0
    assert here + there == 24 * 4
    ids = [fact[0] for flow_id in old for fact in story(container, flow_id)]
    assert len(ids) == len(set(ids)) == 24 * 4


def test_an_event_of_another_month_that_is_written_meanwhile_stays_where_it_is(
    container: Container, own_database: Database, raw: Callable[[Secret], "psycopg2.extensions.connection"]
) -> None:
    flow_id = closed(container, days_ago=200)
    holding = raw(own_database.owner_url)
    holding.cursor().execute("LOCK TABLE flow_events_archive IN SHARE UPDATE EXCLUSIVE MODE")

    def put_away() -> int:
        return archive(container)

    def annotate_meanwhile() -> int:
        eventually(lambda: _waits_for_a_lock(container), what="a wait for the partition's lock")
        then = container.now() - timedelta(days=100)
        with container.transaction() as session:
            flows.note(session, flow_id, "completed", {"while": "moving"}, now=then, by=BY)
        holding.rollback()
        return 0

    assert threads.at_once(put_away, annotate_meanwhile) == [1, 0]
    assert counts(container) == (1, 1)
    assert len(story(container, flow_id)) == 2


def test_the_archive_is_compressed_by_month_and_closed_to_changes(
    container: Container, own_database: Database, raw: Callable[[Secret], "psycopg2.extensions.connection"]
) -> None:
    for days_ago in (100, 140):
        closed(container, days_ago=days_ago, notes=20, detail="the same words again and again " * 4)
    archive(container)
    with container.reading() as session:
        months, stored, plain = session.execute(
            text("SELECT count(DISTINCT tableoid), sum(pg_column_size(events)), sum(length(events)) "
                 "FROM flow_events_archive")
        ).one()  # fmt: skip
    assert months == 2
    assert stored < plain / 3
    changes = (
        "UPDATE flow_events_archive SET event_count = 1", "DELETE FROM flow_events_archive", "DELETE FROM flow_events",
        f"DELETE FROM {_partition(container)}", "SET strongroom.archiving = 'on'; DELETE FROM flow_events",
    )  # fmt: skip
    for url in (own_database.url, own_database.owner_url):
        for change in changes:
            if url is own_database.owner_url and "SET" in change and "strongroom" in change:
                continue  # the owner of a table can always take its guards down
            connection = raw(url)
            with pytest.raises((errors.RestrictViolation, errors.InsufficientPrivilege)):
                connection.cursor().execute(change)


def _waits_for_a_lock(container: Container) -> bool:
    with container.reading() as session:
        return bool(session.scalar(text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )))  # fmt: skip


def test_a_long_past_costs_no_more_to_look_through(container: Container) -> None:
    closed(container, days_ago=120)
    archive(container)
    with container.reading() as session:
        plan = "\n".join(
            session.scalars(
                text(
                    "EXPLAIN SELECT group_id FROM flows WHERE closed_at < :before AND (closed_at, group_id) > "
                    "(:before, '00000000-0000-0000-0000-000000000000') ORDER BY closed_at, group_id LIMIT 200"
                ),
                {"before": container.now() - timedelta(days=90)},
            )
        )
    assert "ix_flows_closed" in plan


def _facts(event: FlowEvent) -> Facts:
    at: datetime = event.at
    return (
        event.id, event.group_id, event.state, event.from_state, at, event.actor, event.correlation_id, event.detail,
        event.xid,
    )  # fmt: skip


def _partition(container: Container) -> str:
    with container.reading() as session:
        return str(session.scalars(text("SELECT min(tableoid::regclass::text) FROM flow_events_archive")).one())


def test_an_archiver_that_dies_before_its_commit_has_moved_nothing(container: Container) -> None:
    flow_id = closed(container, days_ago=120, notes=2)
    before = story(container, flow_id)
    assert die_at(container, "archive", "flows.archiving") == -signal.SIGKILL
    assert story(container, flow_id) == before
    # PostgreSQL may take a moment to notice that the dead one's lock is nobody's.
    assert eventually(lambda: archive(container), what="the next archiver's turn") == 3
    assert story(container, flow_id) == before

"""What the rows say of the house, and that what cannot be read is left out and said to be."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from domain.actor import Actor
from domain.alert_rules import RULES
from domain.queues import QUEUES
from services import alerts, chat, figures, heartbeats, outbox, rollups, traffic
from services.traffic import Counted, Run
from tasks.ledger import check_all
from tests import horizon
from tests.api.house import House
from tests.rail import COIN, Rail
from wiring.container import CACHE, Container
from wiring.database import make_engine
from wiring.metrics.house import HouseCollector
from wiring.secret import Secret


def read(container: Container) -> dict[tuple[str, ...], float]:
    with container.reading() as session:
        return {(found.metric.name, *found.labels): found.value for found in figures.read(session, now=container.now())}


def told(container: Container) -> dict[tuple[str, ...], float]:
    """What a scrape says of the house."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in HouseCollector(container).collect()
        for sample in family.samples
    }


def test_pending_money_and_its_chain_are_shown(rail: Rail) -> None:
    rail.send_to(rail.new_address(rail.new_user()).address, COIN)
    rail.watch()
    rail.compare()
    horizon.reached(rail.container.engine)
    with rail.container.transaction() as session:
        rollups.fold(session, owner="test", now=rail.container.now())
    found = read(rail.container)
    assert found["strongroom_flows", "deposit", "seen"] == 1
    assert found["strongroom_flows", "withdrawal", "requested"] == 0
    chain = rail.deposit().chain
    assert found["strongroom_chain_lag_blocks", chain] == found["strongroom_chain_failing", chain] == 0
    assert found["strongroom_chain_height", chain] > 100
    assert 0 <= found["strongroom_chain_polled_age_seconds", chain] < 60
    assert found["strongroom_buffer", rail.asset_id, "booked"] == 0
    assert found["strongroom_buffer_ok", rail.asset_id] == 1


def test_work_that_waits_and_work_that_was_done_are_told_of(container: Container) -> None:
    now = container.now()
    with closing(Redis.from_url(container.settings.redis_database(CACHE).reveal())) as redis:
        # Of people whose process another test killed, for a while.
        redis.delete("presence:users")
    with container.transaction() as session:
        outbox.promise(session, "withdrawals.pay", now=now - timedelta(seconds=90), withdrawal_id="1")
        heartbeats.beat(session, "money", worker="here", now=now - timedelta(seconds=30))
        traffic.add_tasks(session, {Run("feed.push", "done"): Counted(3, 0, 1_500_000)})
    found = told(container)
    assert found["strongroom_outbox_depth",] == 1
    assert 90 <= found["strongroom_outbox_oldest_age_seconds",] < 200
    assert 30 <= found["strongroom_heartbeat_age_seconds", "money"] < 140
    assert found["strongroom_tasks_total", "feed.push", "done"] == 3
    assert found["strongroom_task_seconds_total", "feed.push", "done"] == 1.5
    assert {name[1] for name in found if name[0] == "strongroom_queue_length"} == set(QUEUES)
    assert found["strongroom_users",] == found["strongroom_messages",] == found["strongroom_tokens",] == 0
    assert found["strongroom_readable", "database"] == found["strongroom_readable", "redis"] == 1


def test_what_was_said_is_counted_without_being_read(container: Container) -> None:
    people = [House(container).person().user_id for _ in range(3)]
    for one, other in ((0, 1), (1, 0), (0, 2)):
        with container.transaction() as session:
            now = container.now()
            chat.send(session, sender_id=people[one], recipient_id=people[other], body="So it is.", now=now)
    assert read(container)["strongroom_messages",] == 3


def test_raised_alerts_are_reported_and_unsound_books_separately(container: Container) -> None:
    found = read(container)
    assert found["strongroom_ledger_sound",] == 1
    assert {name[1] for name in found if name[0] == "strongroom_alert"} == set(RULES)
    with container.transaction() as session:
        for code, scope in (("seal_broken", "ledger:seals"), ("flow_stuck", "flow:1"), ("flow_stuck", "flow:2")):
            severity = RULES[code].severity
            alerts.raise_alert(session, code, scope=scope, severity=severity, reason="a test", now=container.now())
    found = read(container)
    assert found["strongroom_ledger_sound",] == 0
    assert found["strongroom_alerts", "critical"] == 1
    assert found["strongroom_alerts", "warning"] == found["strongroom_alert", "flow_stuck"] == 2
    assert ("strongroom_ledger_checked_age_seconds",) not in found
    check_all.run.__wrapped__(container, Actor("a test"))
    assert read(container)["strongroom_ledger_checked_age_seconds",] < 120


def test_what_cannot_be_read_is_left_out(container: Container, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = Secret("postgresql://nobody@127.0.0.1:1/nothing")
    away = replace(
        container,
        engine=make_engine(nowhere, pool_size=1, statement_timeout_s=1, lock_timeout_s=1),
        settings=replace(container.settings, redis_url=Secret("redis://127.0.0.1:1")),
    )
    assert told(away) == {("strongroom_readable", "database"): 0, ("strongroom_readable", "redis"): 0}
    assert capsys.readouterr().out.count("figures_not_read") == 2


def test_the_house_is_read_once_however_often_somebody_asks(container: Container) -> None:
    collector = HouseCollector(container)
    list(collector.collect())
    with container.transaction() as session:
        outbox.promise(session, "withdrawals.pay", now=container.now(), withdrawal_id="1")
    depths = [
        sample.value
        for family in collector.collect()
        for sample in family.samples
        if sample.name == "strongroom_outbox_depth"
    ]
    assert depths == [0]

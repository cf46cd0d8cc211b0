"""The sums are what the events add up to: whatever happens, whenever counting ends and begins again."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.flows import DEPOSIT, FLOW_KINDS, WITHDRAWAL
from models.flow import Flow, FlowEvent
from models.rollup import FlowMinute, FlowRollup, FlowStock
from services import flows, rollups
from services.flows import Opening, Step
from services.rollups.buckets import BOUNDS_S, percentile
from tests import horizon
from tests.services import logged
from tests.services.logged import ASSET, BY
from wiring.container import Container

HOURS = 24


@pytest.fixture(autouse=True)
def asset(container: Container) -> None:
    logged.add_asset(container)


def happen(container: Container, dice: random.Random, count: int) -> None:
    """Flows of random kinds take random paths over two days, with notes on the way; some come to rest."""
    for _ in range(count):
        kind = dice.choice(list(FLOW_KINDS.values()))
        at = container.now() - timedelta(hours=dice.uniform(1, 48))
        state = dice.choice(kind.initial)
        with container.transaction() as session:
            amount = dice.randrange(1, 10**24)
            flow_id = flows.open_one(session, Opening(kind, state, None, ASSET, amount), now=at, by=BY)
            for _ in range(dice.randrange(6)):
                if not kind.states[state].moves:
                    break
                at = min(at + timedelta(hours=dice.uniform(0, 9)), container.now())
                flows.note(session, flow_id, state, {}, now=at, by=BY)
                before, state = state, dice.choice(kind.states[state].moves)
                flows.record(session, Step(flow_id, kind, before, state), now=at, by=BY)


def fold(container: Container, *, limit: int = 7) -> int:
    horizon.reached(container.engine)
    with container.transaction() as session:
        return rollups.fold(session, owner="test", now=container.now(), limit=limit)


def die_counting(container: Container) -> None:
    horizon.reached(container.engine)
    with container.transaction() as session:
        assert rollups.fold(session, owner="dies", now=container.now())
        raise KeyboardInterrupt


@pytest.mark.parametrize("seed", range(3))
def test_the_sums_are_those_of_the_events_and_value_is_conserved(container: Container, seed: int) -> None:
    dice = random.Random(seed)
    happen(container, dice, 12)
    while fold(container):
        if dice.random() < 0.3:
            happen(container, dice, 1)
    since = rollups.since(container.now(), HOURS)
    with container.reading() as session:
        moves, stocks = Counter[tuple[str, str, str]](), Counter[tuple[str, str]]()
        query = select(FlowEvent, Flow).join(Flow, Flow.group_id == FlowEvent.group_id)
        for event, flow in session.execute(query):
            if event.from_state != event.state and event.at >= since:
                moves[flow.kind, event.from_state or "", event.state] += flow.amount_minor
        for flow in session.scalars(select(Flow)):
            stocks[flow.kind, flow.state] += flow.amount_minor
        summed = Counter[tuple[str, str, str]]()
        for row in session.scalars(select(FlowRollup).where(FlowRollup.hour >= since)):
            summed[row.kind, row.from_state, row.to_state] += row.amount_minor
        standing = {(row.kind, row.state): row.amount_minor for row in session.scalars(select(FlowStock))}
        found = rollups.movements(session, since=since)
        wrong = rollups.errors(session, since=since)
    assert summed == moves
    assert {place: held for place, held in standing.items() if held} == dict(stocks)
    for movement in found:
        assert sum(side.amount_minor for side in movement.sources) == sum(side.amount_minor for side in movement.states)
        assert sum(side.flow_count for side in movement.sources) == sum(side.flow_count for side in movement.states)
        assert all(side.amount_minor > 0 for side in (*movement.sources, *movement.states))
    assert all(FLOW_KINDS[error.kind].states[error.state].meaning == "wrong" for error in wrong)


def test_what_is_rolled_back_is_counted_again_and_nothing_twice(container: Container) -> None:
    happen(container, random.Random(9), 3)
    with pytest.raises(KeyboardInterrupt):
        die_counting(container)
    counted = fold(container, limit=2000)
    assert counted
    assert fold(container) == 0
    with container.reading() as session:
        moves = [event for event in session.scalars(select(FlowEvent)) if event.from_state != event.state]
        assert sum(row.move_count for row in session.scalars(select(FlowRollup))) == len(moves)


def test_durations_of_steps_and_late_flows_are_shown(container: Container) -> None:
    now = container.now()
    with container.transaction() as session:
        for waited_s in (0.2, 20, 20, 700):
            then = now - timedelta(seconds=800)
            opening = Opening(WITHDRAWAL, "requested", None, ASSET, 5)
            flow_id = flows.open_one(session, opening, now=then, by=BY, then="pending_approval")
            step = Step(flow_id, WITHDRAWAL, "pending_approval", "cancelled")
            flows.record(session, step, now=then + timedelta(seconds=waited_s), by=BY)
        for amount, days in ((10, 3), (10_000, 2), (1, 1)):
            opening = Opening(DEPOSIT, DEPOSIT.initial[0], None, ASSET, amount)
            flows.open_one(session, opening, now=now - timedelta(days=days), by=BY)
    fold(container, limit=2000)
    with container.reading() as session:
        [waits] = [
            row for row in rollups.steps(session, since=now - timedelta(days=1)) if row.state == "pending_approval"
        ]
        late, count = rollups.stuck(session, decimals={ASSET: 8}, prices={}, now=now, limit=2)
    assert (waits.move_count, waits.p50, waits.p99) == (4, timedelta(seconds=30), timedelta(seconds=900))
    assert count == 3
    assert [row.flow.amount_minor for row in late] == [10, 10_000]


def test_the_last_hour_is_kept_by_the_minute_and_older_minutes_are_deleted(container: Container) -> None:
    now = container.now().replace(second=30, microsecond=0)

    def wait(begun: timedelta, lasted_s: float) -> None:
        opening = Opening(WITHDRAWAL, "requested", None, ASSET, 5)
        with container.transaction() as session:
            flow_id = flows.open_one(session, opening, now=now - begun, by=BY, then="pending_approval")
            step = Step(flow_id, WITHDRAWAL, "pending_approval", "cancelled")
            flows.record(session, step, now=now - begun + timedelta(seconds=lasted_s), by=BY)

    def count(at: timedelta) -> None:
        horizon.reached(container.engine)
        with container.transaction() as session:
            rollups.fold(session, owner="test", now=now - at)

    wait(timedelta(minutes=140), 1)
    count(timedelta(minutes=130))
    wait(timedelta(minutes=3), 20)
    wait(timedelta(minutes=3), 6)
    count(timedelta(0))
    with container.reading() as session:
        hour = rollups.last_hour(session, now=now, step=("withdrawal", "pending_approval"))
        other = rollups.last_hour(session, now=now, step=("deposit", "seen"))
        kept = [row.minute for row in session.scalars(select(FlowMinute))]
    assert min(kept) == hour.minutes[0].at == now.replace(second=0) - timedelta(minutes=3)
    assert [minute.moves for minute in hour.minutes] == [{"withdrawal": 6}]
    [minute] = hour.minutes
    assert (minute.step_count, minute.half, minute.most) == (2, timedelta(seconds=10), timedelta(seconds=30))
    assert other.step in other.steps


def test_a_percentile_is_the_bound_above_it() -> None:
    assert percentile({0: 9, 3: 1}, 0.9) == timedelta(seconds=BOUNDS_S[0])
    assert percentile({0: 9, 3: 1}, 0.99) == timedelta(seconds=BOUNDS_S[3])
    assert percentile({len(BOUNDS_S): 1}, 0.5) is None

"""When rules are looked at: no round is lost to a wake-up that came late, nor to a clock that was ahead."""

from datetime import datetime, timedelta

from sqlalchemy import update

from domain.alert_rule import ROUND
from domain.alert_rules import RULES
from models.alert_state import AlertEvaluation, AlertState
from services.alerts import engine
from tasks.alerts import evaluate_rules
from tasks.schedule import SWEEPS
from tests.alerts.looking import WELL, later, standing
from wiring.container import Container

DISK = RULES["disk_low"]
FULL = type(WELL)("here", disk_free_percent=1, memory_used_percent=20, redis_answers=True)
WAKE_UP = timedelta(seconds=SWEEPS["alerts.evaluate"])


def is_due(container: Container, now: datetime) -> bool:
    with container.reading() as session:
        return DISK in engine.due(session, now=now)


def looked_at(container: Container, at: datetime) -> None:
    with container.transaction() as session:
        engine.evaluate(session, DISK, WELL, now=at)


def test_a_look_that_came_late_costs_a_part_of_a_round_and_not_all_of_the_next(container: Container) -> None:
    at = container.now()
    looked_at(container, at + timedelta(seconds=2))  # the wake-up of this moment waited in its queue
    assert not is_due(container, at + 2 * WAKE_UP)
    assert is_due(container, at + 3 * WAKE_UP)
    looked_at(container, at + timedelta(seconds=4))
    assert not is_due(container, at + 3 * WAKE_UP)
    assert is_due(container, at + 4 * WAKE_UP)
    assert 3 * WAKE_UP == ROUND


def test_a_look_that_a_clock_ahead_of_ours_noted_keeps_nobody_from_looking(container: Container) -> None:
    now = container.now()
    looked_at(container, now + timedelta(hours=1))
    assert is_due(container, now)
    looked_at(container, now)
    assert not is_due(container, now - timedelta(seconds=1))  # two clocks never agree entirely


def test_what_a_clock_ahead_of_ours_found_is_held_from_now_and_not_from_then(container: Container) -> None:
    evaluate_rules(container, [DISK], FULL)
    with container.transaction() as session:
        ahead = container.now() + timedelta(days=1)
        session.execute(update(AlertState).values(since=ahead), execution_options={"synchronize_session": False})
        session.execute(update(AlertEvaluation).values(evaluated_at=ahead))
    evaluate_rules(container, [DISK], FULL)
    evaluate_rules(later(container, DISK.hold_for), [DISK], FULL)
    assert standing(container, "disk_low") == {"disk:here"}

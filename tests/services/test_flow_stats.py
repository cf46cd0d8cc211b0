"""What is usual is what the newest flows took."""

from datetime import timedelta
from statistics import median

import pytest

from domain.flows import WITHDRAWAL
from services import flow_stats, flows
from services.flows import Opening, Step
from tests.services import logged
from tests.services.logged import BY
from wiring.container import Container

TOOK_S = (10, 20, 30, 40, 1000)


@pytest.fixture(autouse=True)
def asset(container: Container) -> None:
    logged.add_asset(container)


def waited(container: Container, seconds: float) -> None:
    """A withdrawal that waited for approval so long, with a note on the way, and was then taken back."""
    then = container.now() - timedelta(hours=2)
    with container.transaction() as session:
        opening = Opening(WITHDRAWAL, "requested", None, logged.ASSET, 1)
        flow_id = flows.open_one(session, opening, now=then, by=BY, then="pending_approval")
        flows.note(session, flow_id, "pending_approval", {}, now=then + timedelta(seconds=1), by=BY)
        step = Step(flow_id, WITHDRAWAL, "pending_approval", "cancelled")
        flows.record(session, step, now=then + timedelta(seconds=seconds), by=BY)


def test_the_usual_duration_of_a_step_is_measured_without_its_notes(container: Container) -> None:
    for seconds in TOOK_S[:-1]:
        waited(container, seconds)
    with container.transaction() as session:
        assert flow_stats.measure(session, now=container.now())
        assert flow_stats.usual(session, "withdrawal") == {}  # four say nothing
        assert not flow_stats.measure(session, now=container.now() + timedelta(minutes=4))
    waited(container, TOOK_S[-1])
    with container.transaction() as session:
        assert flow_stats.measure(session, now=container.now() + timedelta(minutes=6))
        usual = flow_stats.usual(session, "withdrawal")
        assert flow_stats.usual(session, "deposit") == {}
    assert set(usual) == {"requested", "pending_approval"}
    assert usual["pending_approval"].half.total_seconds() == pytest.approx(median(TOOK_S))
    assert 40 < usual["pending_approval"].most.total_seconds() < 1000

"""Of much that is wrong some is told of, and what was told of stands for as long as it is so."""

from datetime import timedelta

import pytest

from services.alerts import money_sources
from tests.alerts.looking import later, look
from tests.services import logged
from tests.services.logged import moved, opened
from wiring.container import Container


def test_an_alert_does_not_end_because_others_come_before_it(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged.add_asset(container)
    monkeypatch.setattr(money_sources, "FOUND_MAX", 1)
    with container.transaction() as session:
        [patient] = opened(session, container)
        moved(session, container, patient, "requested", "pending_approval")
        [hasty] = opened(session, container)
    hour, day = later(container, timedelta(hours=1)), later(container, timedelta(days=1))
    assert look(hour, "flow_stuck") == {f"flow:{hasty}"}
    assert look(day, "flow_stuck") == {f"flow:{hasty}", f"flow:{patient}"}
    with day.transaction() as session:
        moved(session, day, hasty, "requested", "pending_approval", "cancelled")
    assert look(day, "flow_stuck") == {f"flow:{patient}"}

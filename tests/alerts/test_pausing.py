"""While the looking for alerts is paused nothing is raised or cleared, everybody can see it, and it ends by itself."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from domain.alert_rules import NODATA_AFTER, RULES
from domain.queues import QUEUES
from models.audit import AuditLog
from services.alerts import engine, pausing
from tasks.alerts import evaluate
from tasks.upkeep import heartbeat
from tests.alerts.looking import WELL, later, look, standing
from tests.api.house import House, Person
from tests.pages.reader import Reader
from tests.rail import BY
from tests.waiting import eventually
from tests.webhooks.receiver import receiving
from wiring.container import Container
from wiring.secret import Secret

HOUR: Final = timedelta(hours=1)
BODY: Final = {"duration_s": 3600, "reason": "the node moves house"}
CODE: Final = "dependency_down"


@pytest.fixture
def admin(container: Container) -> Person:
    return House(container).person(role="admin")


def noted(container: Container) -> list[tuple[str, str, Any]]:
    with container.reading() as session:
        rows = session.scalars(select(AuditLog).where(AuditLog.event.startswith("alerts.")).order_by(AuditLog.id))
        return [(row.event, row.actor.partition(":")[0], row.detail.get("ended_by_itself")) for row in rows]


@pytest.mark.causes("alerts_paused")
def test_while_it_is_paused_nothing_is_raised_or_cleared_and_afterwards_both_are(
    container: Container, admin: Person
) -> None:
    for queue in QUEUES:
        beats_at = container if queue == "money" else later(container, 5 * NODATA_AFTER)
        heartbeat.run.__wrapped__(beats_at, BY, queue)
    assert look(later(container, 2 * NODATA_AFTER), CODE) == {"queue:money"}
    assert admin.post("/alerts/pause", BODY).status_code == 200
    heartbeat.run.__wrapped__(later(container, 5 * NODATA_AFTER), BY, "money")
    heartbeat.run.__wrapped__(container, BY, "notify")
    paused = later(container, 4 * NODATA_AFTER)
    assert look(paused, CODE) == {"queue:money"}
    with paused.transaction() as session:
        assert engine.without_answer(session, RULES[CODE], WELL, error="Fault", now=paused.now()) == 0
    assert admin.post("/alerts/resume").status_code == 204
    assert look(paused, CODE) == {"queue:notify"}
    assert standing(container, pausing.CODE) == set()
    assert noted(container) == [("alerts.paused", "operator", None), ("alerts.resumed", "operator", False)]


def test_that_it_is_paused_can_be_overlooked_nowhere(container: Container, admin: Person) -> None:
    with receiving() as watcher:
        settings = replace(container.settings, alert_heartbeat_url=Secret(watcher.url), webhook_private=True)
        evaluate.run.__wrapped__(replace(container, settings=settings), BY)
        heard = len(watcher.calls)
        ends_at = admin.post("/alerts/pause", BODY).get_json()["ends_at"]
        evaluate.run.__wrapped__(replace(container, settings=settings), BY)
        assert len(watcher.calls) == heard == 1
    health = admin.house.visitor().get("/health").get_json()
    assert (health["status"], health["alerts_paused_until"]) == ("degraded", ends_at)
    sentinel = admin.get("/state/ops-sentinel").get_json()
    [alert] = sentinel["active_alerts"]
    assert (sentinel["paused"], sentinel["pause"]["reason"], alert["alert_code"]) == (
        True,
        BODY["reason"],
        pausing.CODE,
    )
    assert (alert["severity"], alert["last_evaluated_at"]) == ("critical", alert["raised_at"])
    for path in ("/state", "/alerts"):
        body = admin.get(path).get_json()
        assert (body.get("alerts_paused") or body.get("paused"))["ends_at"] == ends_at
    reader = Reader(admin.house, admin)
    for path in ("/operator", "/operator/overwatch"):
        assert "Alerts paused by operator" in reader.text(path)
        assert "Nothing waits for you" not in reader.text(path)
    assert "Nobody looks for alerts: paused by operator" in reader.text("/operator/alerts")


def test_a_pause_ends_by_itself_and_the_next_round_says_so(container: Container, admin: Person) -> None:
    admin.post("/alerts/pause", BODY)
    evaluate.run.__wrapped__(later(container, HOUR - timedelta(seconds=1)), BY)
    assert standing(container, pausing.CODE) == {pausing.SCOPE}
    after = later(container, HOUR + timedelta(seconds=1))
    evaluate.run.__wrapped__(after, BY)
    assert standing(container, pausing.CODE) == set()
    assert noted(container)[1:] == [("alerts.resumed", BY.name, True)]
    with container.reading() as session:
        assert (
            session.execute(text("SELECT max(evaluated_at) FROM alert_evaluations")).scalar_one() > after.now() - HOUR
        )


def test_a_pause_that_is_said_again_counts_anew_and_is_told_again(container: Container, admin: Person) -> None:
    admin.post("/alerts/pause", BODY)
    again = admin.post("/alerts/pause", {"duration_s": 7200, "reason": "it takes longer"}).get_json()
    history = admin.get("/alerts/history").get_json()["items"]
    assert [row["status"] for row in history] == ["raised", "cleared", "raised"]
    assert "it takes longer" in history[0]["reason"]
    with container.transaction() as session:
        pausing.end_when_over(session, now=container.now() + HOUR, by=BY)
    assert admin.get("/state/sentinel").get_json()["pause"]["ends_at"] == again["ends_at"]


def test_what_was_about_to_end_begins_to_be_good_anew(container: Container, admin: Person) -> None:
    low = replace(WELL, disk_free_percent=5)
    assert look(container, "disk_low", low) == {"disk:here"}
    good = later(container, HOUR)
    with good.transaction() as session:
        engine.evaluate(session, RULES["disk_low"], WELL, now=good.now())
    admin.post("/alerts/pause", BODY)
    admin.post("/alerts/resume")
    with good.transaction() as session:
        engine.evaluate(session, RULES["disk_low"], WELL, now=good.now() + RULES["disk_low"].clear_for)
    assert standing(container, "disk_low") == {"disk:here"}


def test_only_administrators_pause_and_nobody_for_longer_than_a_day(container: Container, admin: Person) -> None:
    for path in ("/alerts/pause", "/alerts/resume"):
        assert admin.house.person(role="approver").post(path, BODY).status_code == 403
    for wrong in ({**BODY, "duration_s": 86_401}, {**BODY, "duration_s": 59}, {"duration_s": 3600}):
        assert admin.post("/alerts/pause", wrong).status_code == 422
    now = container.now()
    with pytest.raises(IntegrityError, match="ends_within_a_day"), container.transaction() as session:
        pausing.pause(session, until=now + timedelta(hours=25), reason="r", now=now, by=BY)
    assert noted(container) == []


def test_a_pause_waits_for_the_look_that_is_under_way(container: Container, admin: Person) -> None:
    with ThreadPoolExecutor(1) as elsewhere:
        with container.transaction() as session:
            engine.evaluate(session, RULES["disk_low"], WELL, now=container.now())
            asked = elsewhere.submit(admin.post, "/alerts/pause", BODY)
            waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            eventually(lambda: session.execute(waiting).scalar_one(), what="that it waits")
            assert not asked.done()
        assert asked.result().status_code == 200

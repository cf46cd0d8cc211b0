"""What people say about alerts: acknowledged until raised again, silenced until a moment, all on record."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.alert_rules import RULES
from domain.ids import new_id
from models.audit import AuditLog
from services import alerts
from services.alerts import handling
from tests.alerts.looking import later, look
from tests.api.house import House
from wiring.container import Container

CODE, SCOPE = "seal_broken", "ledger:seals"
SETTLED = "chain_backfill_found"


@pytest.fixture
def house(container: Container) -> House:
    return House(container)


def raised(container: Container) -> None:
    with container.transaction() as session:
        alerts.raise_alert(session, CODE, scope=SCOPE, severity="critical", reason="altered", now=container.now())


def test_an_alert_is_acknowledged_until_it_is_raised_again(house: House) -> None:
    viewer, approver = house.person(role="viewer"), house.person(role="approver")
    body = {"alert_code": CODE, "service_scope": SCOPE, "note": "I look after it."}
    assert approver.post("/alerts/acknowledge", body).get_json()["error"] == "unknown_alert"
    raised(house.container)
    assert viewer.post("/alerts/acknowledge", body).status_code == 403
    assert approver.post("/alerts/acknowledge", body).status_code == 204
    [found] = viewer.get("/alerts").get_json()["items"]
    assert (found["alert_code"], found["note"], found["silenced_until"]) == (CODE, "I look after it.", None)
    assert found["acknowledged_at"] is not None
    with house.container.transaction() as session:
        alerts.clear(session, CODE, scope=SCOPE, now=house.container.now(), reason="restored")
    assert viewer.get("/alerts").get_json()["items"] == []
    raised(house.container)
    [found] = viewer.get("/alerts").get_json()["items"]
    assert found["acknowledged_at"] is None
    history = viewer.get("/alerts/history").get_json()
    assert [row["status"] for row in history["items"]] == ["raised", "cleared", "raised"]
    older = viewer.get(f"/alerts/history?before={history['items'][0]['seq']}").get_json()
    assert [row["status"] for row in older["items"]] == ["cleared", "raised"]


def test_a_silence_covers_its_scope_until_it_ends_or_is_ended_and_is_on_record(house: House) -> None:
    admin, approver = house.person(role="admin"), house.person(role="approver")
    raised(house.container)
    body = {"alert_code": CODE, "duration_s": 3600, "reason": "being mended"}
    assert approver.post("/alerts/silences", body).status_code == 403
    assert admin.post("/alerts/silences", {**body, "duration_s": 10**9}).status_code == 422
    made = admin.post("/alerts/silences", {**body, "service_scope": "another"}).get_json()
    assert admin.get("/alerts").get_json()["items"][0]["silenced_until"] is None
    assert admin._send("DELETE", f"/alerts/silences/{made['id']}").status_code == 204
    assert admin._send("DELETE", f"/alerts/silences/{made['id']}").status_code == 404
    made = admin.post("/alerts/silences", body).get_json()
    state = admin.get("/alerts").get_json()
    assert state["items"][0]["silenced_until"] == made["ends_at"]
    assert [row["id"] for row in state["silences"]] == [made["id"]]
    with house.container.reading() as session:
        now = house.container.now()
        assert handling.is_silenced(session, CODE, SCOPE, now=now)
        assert not handling.is_silenced(session, "disk_low", SCOPE, now=now)
        assert not handling.is_silenced(session, CODE, SCOPE, now=now + timedelta(hours=2))
        noted = session.scalars(select(AuditLog.event).where(AuditLog.event.startswith("alert."))).all()
    assert sorted(noted) == ["alert.silenced", "alert.silenced", "alert.unsilenced"]


def test_one_alert_is_read_with_all_that_is_on_record_of_it_and_settled_where_that_may_be(house: House) -> None:
    viewer, approver = house.person(role="viewer"), house.person(role="approver")
    with house.container.transaction() as session:
        now = house.container.now()
        told = "two were missed"
        alerts.raise_alert(session, SETTLED, scope="block:anvil:7", severity="warning", reason=told, now=now)
    raised(house.container)
    names = {row["alert_code"]: row["alert_event_id"] for row in viewer.get("/alerts").get_json()["items"]}
    found = viewer.get(f"/alerts/{names[SETTLED]}").get_json()
    assert (found["status"], found["reason"], found["flow_ids"]) == ("raised", told, [])
    assert (found["may_be_settled"], found["what_to_do"]) == (True, RULES[SETTLED].what_to_do)
    body = {"alert_code": SETTLED, "service_scope": "block:anvil:7", "note": "the node was replaced"}
    assert viewer.post("/alerts/settle", body).status_code == 403
    assert approver.post("/alerts/settle", {**body, "note": ""}).status_code == 422
    assert approver.post("/alerts/settle", body).status_code == 204
    assert approver.post("/alerts/settle", body).get_json()["error"] == "unknown_alert"
    over = viewer.get(f"/alerts/{names[SETTLED]}").get_json()
    assert [row["status"] for row in over["transitions"]] == ["cleared", "raised"]
    assert over["transitions"][0]["reason"].endswith(": the node was replaced")
    itself = {**body, "alert_code": CODE, "service_scope": SCOPE}
    assert approver.post("/alerts/settle", itself).get_json()["error"] == "alert_ends_by_itself"
    assert viewer.get(f"/alerts/{new_id()}").status_code == 404


def test_what_a_process_of_an_earlier_version_raised_under_its_own_name_is_settled(house: House) -> None:
    """It may do so after the schema went on and before it is replaced; no later version would end that."""
    approver = house.person(role="approver")
    named = [("ledger_invariant_broken", "ledger"), ("ledger_invariant_broken", "ledger:books"), ("gone_code", "a:b")]
    for code, scope in named:
        with house.container.transaction() as session:
            now = house.container.now()
            alerts.raise_alert(session, code, scope=scope, severity="warning", reason="so it is", now=now)
    answers = [
        approver.post("/alerts/settle", {"alert_code": code, "service_scope": scope, "note": "an old name"})
        for code, scope in named
    ]
    # The noun of the first is that of the rule: it has no id, and is of an earlier form all the same.
    assert [answer.status_code for answer in answers] == [204, 409, 204]


def test_the_rules_say_when_they_were_last_looked_at(house: House) -> None:
    viewer = house.person(role="viewer")
    look(later(house.container, timedelta(0)), "disk_low")
    assert house.visitor().get("/health").get_json()["alerts_evaluated_at"] is not None
    rules = {row["alert_code"]: row for row in viewer.get("/alerts/rules").get_json()["items"]}
    assert rules["disk_low"]["outcome"] == "known"
    assert rules["disk_low"]["evaluated_at"] is not None
    assert rules["memory_high"]["evaluated_at"] is None
    assert rules["ledger_invariant_broken"]["what_to_do"]

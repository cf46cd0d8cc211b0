"""The page of a flow: what is unusual about it, and for operators what the log and the alerts say."""

import re
from datetime import timedelta

from sqlalchemy import select, update

from domain.ids import short_id
from models.flow import FlowEvent
from models.flow_stats import FlowStepStats
from models.withdrawal import Withdrawal
from services import alerts, flows, log_lines
from tests.api.house import House
from tests.pages.reader import Reader


def test_a_step_is_compared_with_what_is_usual(house: House, owner: Reader) -> None:
    page = owner.withdraw().location
    assert "may take" in owner.text(page)
    with house.container.transaction() as session:
        for state in ("requested", "pending_approval", "approved"):
            session.add(
                FlowStepStats(
                    kind="withdrawal", state=state, step_count=9, p50_s=42, p90_s=120, p99_s=600,
                    measured_at=house.container.now(),
                )
            )  # fmt: skip
    assert "usually 42 s, nine of ten within 2 min" in owner.text(page)
    with house.container.transaction() as session:
        session.execute(update(FlowStepStats).values(step_count=0))


def test_operators_see_the_alerts_and_the_log_of_a_flow_and_its_owner_does_not(
    house: House, owner: Reader, approver: Reader
) -> None:
    page = owner.withdraw().location
    now = house.container.now()
    with house.container.transaction() as session:
        flow_id = flows.find(session, page.rpartition("/")[2], user_id=None).group_id
        withdrawal_id = session.scalars(select(Withdrawal.id).where(Withdrawal.flow_id == flow_id)).one()
        correlation_id = session.scalars(select(FlowEvent.correlation_id).where(FlowEvent.group_id == flow_id)).first()
        scope = f"withdrawal:{withdrawal_id}"
        alerts.raise_alert(
            session, "withdrawal_waits", scope=scope, severity="warning", reason="It cannot be paid.", now=now
        )
        line = {"at": now, "correlation_id": correlation_id, "level": "warning", "logger": "x", "line": "node_said_no"}
        log_lines.append(session, [{**line, "said": {"code": "no_funds"}}])
    assert correlation_id is not None
    seen = approver.text(page)
    assert "It cannot be paid." in seen
    assert "node said no" in seen.lower()
    assert "no_funds" in seen
    assert f'data-copy="{correlation_id}"' in approver.get(page).text
    assert "Work due" not in seen  # A person is waited for, and no task.
    theirs = owner.text(page)
    assert "It cannot be paid." not in theirs
    assert "no_funds" not in theirs
    assert "correlation id" not in theirs
    alert = re.search(r'href="(/operator/alerts/[0-9a-f-]+)"', approver.get(page).text)
    assert alert is not None
    assert f'href="{page}"' in approver.get(alert[1]).text  # and back
    assert owner.get(alert[1]).status_code == 403


def test_operators_see_when_a_task_works_on_a_flow_and_how_often_it_tried(
    house: House, owner: Reader, approver: Reader
) -> None:
    page = owner.withdraw("1", key="page-2").location
    assert "Work due now" in approver.text(page)
    assert "Work due now" not in owner.text(page)
    now = house.container.now()
    with house.container.transaction() as session:
        flow_id = flows.find(session, page.rpartition("/")[2], user_id=None).group_id
        row = session.scalars(select(Withdrawal).where(Withdrawal.flow_id == flow_id)).one()
        row.due_at, row.attempts = now + timedelta(minutes=4, seconds=30), 3
    assert "Work due in 4 min; tried 3 times since it last moved" in approver.text(page)
    with house.container.transaction() as session:
        row = session.scalars(select(Withdrawal).where(Withdrawal.flow_id == flow_id)).one()
        row.lease_owner, row.lease_until = "vault:7", now + timedelta(minutes=1)
    assert "Work a worker is at it: vault:7" in approver.text(page)


def test_what_is_yours_is_said_to_its_owner_and_of_the_owner_to_an_operator(
    house: House, owner: Reader, approver: Reader
) -> None:
    page = owner.withdraw().location
    owner.post(f"{page}/cancel")
    flow = page.rpartition("/")[2]
    for reader, words in ((owner, "The funds are yours again."), (approver, "The funds are the owner's again.")):
        assert reader.text(page).count(words) == 2
        assert reader.person.get(f"/flows/{flow}").get_json()["sentence"].endswith(words)
    assert f"Whose user {short_id(owner.person.user_id)}" in approver.text(page)
    assert "Whose" not in owner.text(page)
    waiting = approver.person.get("/operator/withdrawals?state=cancelled").get_json()["items"]
    assert all(item["sentence"].endswith("the owner's again.") for item in waiting)

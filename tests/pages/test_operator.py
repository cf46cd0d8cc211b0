"""Decisions on the operator's board: by the right person, with the right words typed, each saying what came of it."""

from uuid import UUID

import pytest
from sqlalchemy import event

from models.withdrawal import Withdrawal
from tests.api.house import House
from tests.pages.reader import Reader, words


@pytest.fixture
def house(own_house: House) -> House:
    """These tests look at everything that waits."""
    return own_house


def withdrawal_of(house: House) -> Withdrawal:
    with house.container.reading() as session:
        return session.query(Withdrawal).one()


def path_of(withdrawal_id: UUID, decision: str) -> str:
    return f"/operator/withdrawals/{withdrawal_id}/{decision}"


def test_an_approver_sees_what_waits_and_approves_it(house: House, owner: Reader, approver: Reader) -> None:
    flow = owner.withdraw().location.rpartition("/")[2]
    assert f"{flow}" in approver.text("/operator")
    answer = approver.post(path_of(withdrawal_of(house).id, "approve"))
    assert answer.location == "/operator"
    assert withdrawal_of(house).state == "approved"
    assert "Nothing waits for you." in approver.text("/operator")


def test_what_waits_is_asked_for_at_once_however_much_it_is(house: House, owner: Reader, approver: Reader) -> None:
    asked: list[str] = []
    event.listen(house.container.engine, "before_cursor_execute", lambda *facts: asked.append(facts[2]))
    pages = ("/operator", "/operator/overwatch", "/operator/controls", "/api/v1/operator/withdrawals")

    def questions() -> list[int]:
        counts = []
        for path in pages:
            asked.clear()
            assert approver.get(path).status_code == 200
            counts.append(len(asked))
        return counts

    owner.withdraw("1", key="first")
    questions()
    few = questions()
    for number in range(4):
        owner.withdraw("1", key=f"more-{number}")
    assert questions() == few


def test_nobody_approves_their_own(house: House) -> None:
    both = Reader(house, house.person(role="approver", funds_minor=10**9))
    location = both.withdraw().location
    assert "You asked for this one, so somebody else decides." in both.text("/operator")
    answer = both.post(path_of(withdrawal_of(house).id, "approve"))
    assert answer.status_code in {403, 409}
    assert "Nothing was changed: Nobody may decide about their own withdrawal." in words(answer)
    assert "Waiting for an operator" in both.text(location)


def test_a_rejection_needs_a_reason_and_the_short_id(house: House, owner: Reader, approver: Reader) -> None:
    flow = owner.withdraw().location.rpartition("/")[2]
    path = path_of(withdrawal_of(house).id, "reject")
    for form, told in (
        ({"typed": flow}, "a reason is missing"),
        ({"reason": "wrong person", "typed": "0000000000"}, "the short id that was typed is not this one's"),
    ):
        answer = approver.post(path, **form)
        assert answer.status_code == 409
        assert told in words(answer)
        assert withdrawal_of(house).state == "pending_approval"
    answer = approver.post(path, reason="wrong person", typed=flow, from_flow="1")
    assert answer.location == f"/flows/{flow}"
    page = owner.text(f"/flows/{flow}")
    assert "An operator refused it. The funds are yours again." in page
    assert "wrong person" in page


def test_a_viewer_sees_and_does_not_decide(house: House, owner: Reader) -> None:
    viewer = Reader(house, house.person(role="viewer"))
    flow = owner.withdraw().location
    assert "0 of 1 approval" in viewer.text("/operator")
    assert "Approve" not in viewer.text("/operator").replace("Approved", "")
    assert "Reject" not in viewer.text(flow)
    assert viewer.post(path_of(withdrawal_of(house).id, "approve")).status_code == 403
    assert withdrawal_of(house).state == "pending_approval"


def test_two_approvers_are_counted(house: House, owner: Reader, approver: Reader) -> None:
    house.policy(two_approvals_above_minor=6 * 10**8)
    flow = owner.withdraw().location
    assert "One more operator has to agree" in approver.text(flow)
    approver.post(path_of(withdrawal_of(house).id, "approve"), from_flow="1")
    assert "1 of 2 approvals given." in owner.text(flow)
    assert "You have already approved" in words(approver.post(path_of(withdrawal_of(house).id, "approve")))
    second = Reader(house, house.person(role="approver"))
    assert "It is signed and sent at once." in second.text(flow)
    second.post(path_of(withdrawal_of(house).id, "approve"))
    assert withdrawal_of(house).state == "approved"


def test_what_is_not_sent_cannot_be_resolved(house: House, owner: Reader, approver: Reader) -> None:
    owner.withdraw()
    path = path_of(withdrawal_of(house).id, "resolve")
    assert approver.post(path, action="retry").status_code in {404, 409}
    assert approver.post(path, action="everything").status_code == 400


def test_every_page_of_operators_is_under_the_board(house: House, approver: Reader) -> None:
    shown = approver.get("/operator").text
    for rule in house.app.url_map.iter_rules():
        parts = rule.rule.split("/")[1:]
        if parts[0] == "operator" and len(parts) == 2 and "GET" in (rule.methods or ()) and "." not in parts[1]:
            assert f'href="{rule.rule}"' in shown


def test_a_page_below_another_says_where_one_is(approver: Reader) -> None:
    assert '<a href="/operator" aria-current="page">' in approver.get("/operator").text
    assert '<a href="/operator" aria-current="true">' in approver.get("/operator/controls").text

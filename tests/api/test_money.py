"""Money through the API: withdrawals, approvals, transfers, statements, flows, and repetitions of all of them."""

import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from coincurve import PrivateKey
from werkzeug.test import TestResponse

from auth import keys
from domain.ids import new_id
from tests.api.house import ASSET, COIN, DESTINATION, House, Person

Move = Callable[[Person, Person, str | None, str], TestResponse]


def withdraw(person: Person, other: Person, key: str | None, amount: str = "1.5") -> TestResponse:
    return person.post("/withdrawals", {"asset": ASSET, "amount": amount, "destination": DESTINATION}, key=key)


def transfer(person: Person, other: Person, key: str | None, amount: str = "1.5") -> TestResponse:
    return person.post("/transfers", {"asset": ASSET, "amount": amount, "to": other.public_key}, key=key)


moving_money = pytest.mark.parametrize("move", [withdraw, transfer])


def error_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]


@moving_money
@pytest.mark.parametrize("key", [None, "", "x" * 256, "schlüssel", "two\twords"])
def test_money_moves_only_under_a_key(house: House, move: Move, key: str | None) -> None:
    person, other = house.person(funds_minor=2 * COIN), house.person()
    before = house.fingerprint()
    assert error_of(move(person, other, key, "1.5")) == (400, "idempotency_key_missing")
    assert house.fingerprint() == before


@moving_money
def test_the_same_request_again_is_answered_as_before_and_moves_nothing_more(house: House, move: Move) -> None:
    person, other = house.person(funds_minor=4 * COIN), house.person()
    first = move(person, other, "k", "1.5")
    before, balance = house.fingerprint(), person.balance()
    again = move(person, other, "k", "1.5")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.get_json() == first.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert (house.fingerprint(), person.balance()) == (before, balance)


@moving_money
def test_a_key_used_for_another_request_is_a_conflict(house: House, move: Move) -> None:
    person, other = house.person(funds_minor=4 * COIN), house.person()
    move(person, other, "k", "1.5")
    before = house.fingerprint()
    assert error_of(move(person, other, "k", "1.50")) == (409, "idempotency_conflict")
    crossing = transfer if move is withdraw else withdraw
    assert error_of(crossing(person, other, "k")) == (409, "idempotency_conflict")
    assert house.fingerprint() == before


@moving_money
def test_a_refusal_is_remembered_too(house: House, move: Move) -> None:
    person, other = house.person(), house.person()
    first = move(person, other, "k", "1.5")
    assert error_of(first) == (409, "insufficient_funds")
    house.fund(person.user_id, 10 * COIN)
    assert move(person, other, "k", "1.5").get_json() == first.get_json()
    assert move(person, other, "another", "1.5").status_code == 201


def test_two_people_may_use_the_same_key(house: House) -> None:
    one, two = house.person(funds_minor=2 * COIN), house.person(funds_minor=2 * COIN)
    ids = {withdraw(person, person, "k").get_json()["id"] for person in (one, two)}
    assert len(ids) == 2


@moving_money
def test_twenty_repetitions_at_once_move_money_once(own_house: House, move: Move) -> None:
    person, other = own_house.person(funds_minor=100 * COIN), own_house.person()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: move(person, other, "k", "1.5"), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.get_json() == answers[0].get_json() for answer in answers)
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 19
    assert own_house.fingerprint()["flows"] == 1


def test_simultaneous_withdrawals_never_hold_more_than_there_is(own_house: House) -> None:
    person = own_house.person(funds_minor=10 * COIN)
    own_house.policy(fee_minor=0, daily_user_limit_minor=100 * COIN)
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda _: person.withdraw("3"), range(30)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 27
    assert {error_of(answer)[1] for answer in answers if answer.status_code == 409} == {"insufficient_funds"}
    assert person.balance() == {"available": "1.00000000", "held": "9.00000000", "on_its_way": "0.00000000"}


def test_a_withdrawal_holds_its_funds_until_it_is_taken_back(house: House) -> None:
    person = house.person(funds_minor=2 * COIN)
    house.policy(auto_limit_minor=0, fee_minor=COIN // 10)
    asked = person.withdraw("1.5").get_json()
    assert (asked["state"], asked["amount"], asked["fee"]) == ("pending_approval", "1.50000000", "0.10000000")
    assert person.balance() == {"available": "0.40000000", "held": "1.60000000", "on_its_way": "0.00000000"}
    assert [row["id"] for row in person.get("/withdrawals").get_json()["items"]] == [asked["id"]]
    assert person.get(f"/withdrawals/{asked['id']}").get_json()["transactions"] == []
    cancelled = person.post(f"/withdrawals/{asked['id']}/cancel")
    assert (cancelled.status_code, cancelled.get_json()["state"]) == (200, "cancelled")
    assert person.balance()["available"] == "2.00000000"
    assert error_of(person.post(f"/withdrawals/{asked['id']}/cancel")) == (409, "wrong_state")


def test_what_belongs_to_others_is_not_found(house: House) -> None:
    owner, stranger = house.person(funds_minor=2 * COIN), house.person()
    asked = owner.withdraw().get_json()
    before = house.fingerprint()
    for answer in (
        stranger.get(f"/withdrawals/{asked['id']}"),
        stranger.post(f"/withdrawals/{asked['id']}/cancel"),
        stranger.get(f"/flows/{asked['flow']}"),
    ):
        assert answer.status_code == 404
    assert stranger.get("/withdrawals").get_json()["items"] == []
    assert stranger.get("/flows").get_json()["items"] == []
    assert house.fingerprint() == before


def test_an_operator_approves_and_the_flow_says_so(house: House) -> None:
    person, approver = house.person(funds_minor=2 * COIN), house.person(role="approver")
    house.policy(auto_limit_minor=0, two_approvals_above_minor=50 * COIN)
    asked = person.withdraw().get_json()
    waiting = approver.get("/operator/withdrawals?limit=200").get_json()["items"]
    assert asked["id"] in {row["id"] for row in waiting}
    approved = approver.post(f"/operator/withdrawals/{asked['id']}/approve").get_json()
    assert approved["state"] == "approved"
    assert [row["approver_id"] for row in approved["approvals"]] == [str(approver.user_id)]
    flow = person.get(f"/flows/{asked['flow']}").get_json()
    assert [step["state"] for step in flow["timeline"]] == ["requested", "pending_approval", "approved"]
    assert flow["timeline"][-1]["actor"].startswith("operator:")
    assert [row["phase"] for row in flow["transfers"]] == ["pending", "pending"]
    assert [row["decision"] for row in flow["approvals"]] == ["approve"]
    again = approver.post(f"/operator/withdrawals/{asked['id']}/approve")
    assert error_of(again) == (409, "wrong_state")


def test_two_different_approvers_are_needed_above_the_threshold(house: House) -> None:
    person = house.person(funds_minor=2 * COIN)
    one, two = house.person(role="approver"), house.person(role="admin")
    house.policy(auto_limit_minor=0, two_approvals_above_minor=COIN)
    asked = person.withdraw().get_json()
    path = f"/operator/withdrawals/{asked['id']}/approve"
    assert one.post(path).get_json()["state"] == "pending_approval"
    assert error_of(one.post(path)) == (409, "already_decided")
    assert two.post(path).get_json()["state"] == "approved"


def test_nobody_decides_about_their_own_withdrawal(house: House) -> None:
    person = house.person(role="admin", funds_minor=2 * COIN)
    house.policy(auto_limit_minor=0)
    asked = person.withdraw().get_json()
    before = house.fingerprint()
    assert error_of(person.post(f"/operator/withdrawals/{asked['id']}/approve")) == (403, "self_approval")
    rejected = person.post(f"/operator/withdrawals/{asked['id']}/reject", {"reason": "mine"})
    assert error_of(rejected) == (403, "self_approval")
    assert house.fingerprint() == before


def test_a_rejected_withdrawal_gives_its_funds_back_with_the_reason_on_record(house: House) -> None:
    person, approver = house.person(funds_minor=2 * COIN), house.person(role="approver")
    house.policy(auto_limit_minor=0)
    asked = person.withdraw().get_json()
    path = f"/operator/withdrawals/{asked['id']}/reject"
    assert error_of(approver.post(path, {})) == (422, "invalid_request")
    rejected = approver.post(path, {"reason": "the destination is not yours"}).get_json()
    assert rejected["state"] == "rejected"
    assert person.balance()["available"] == "2.00000000"
    flow = person.get(f"/flows/{asked['flow']}").get_json()
    assert flow["approvals"][0]["reason"] == "the destination is not yours"


@pytest.mark.parametrize("action", ["retry", "give_up"])
def test_what_was_never_signed_cannot_be_resolved(house: House, action: str) -> None:
    person, approver = house.person(funds_minor=2 * COIN), house.person(role="approver")
    path = f"/operator/withdrawals/{person.withdraw().get_json()['id']}/resolve"
    assert error_of(approver.post(path, {"action": action})) == (409, "wrong_state")
    assert error_of(approver.post(path, {"action": "pray"})) == (422, "invalid_request")


@pytest.mark.parametrize("by", ["public_key", "user_id", "capitals"])
def test_a_transfer_reaches_the_other_at_once(house: House, by: str) -> None:
    person, other = house.person(funds_minor=2 * COIN), house.person()
    to = {"public_key": other.public_key, "user_id": str(other.user_id), "capitals": other.public_key.upper()}[by]
    body = {"asset": ASSET, "amount": "0.75", "to": to, "note": "for lunch"}
    made = person.post("/transfers", body, key=str(new_id())).get_json()
    assert made["to"] == str(other.user_id)
    assert (person.balance()["available"], other.balance()["available"]) == ("1.25000000", "0.75000000")
    assert person.get(f"/flows/{made['flow_id']}").get_json()["state"] == "completed"
    assert other.get(f"/flows/{made['flow']}").status_code == 200


def test_a_recipient_is_found_by_each_key_of_theirs_and_by_the_first_for_ever(house: House) -> None:
    person, other = house.person(funds_minor=2 * COIN), house.person()
    second, third = (PrivateKey().public_key.format().hex() for _ in range(2))
    with house.container.transaction() as session:
        for subject in (second, third):
            keys.link(session, other.user_id, subject, name="more", now=house.container.now())
        for key in keys.of_user(session, other.user_id):
            if key.subject != second:
                keys.remove(session, other.user_id, key.id, now=house.container.now())

    def pay(to: str) -> int:
        return person.post("/transfers", {"asset": ASSET, "amount": "0.1", "to": to}, key=str(new_id())).status_code

    assert [pay(to) for to in (second, third, other.public_key)] == [201, 422, 201]
    assert other.balance()["available"] == "0.20000000"


def test_the_statement_can_be_paged_without_a_gap_and_saved_as_csv(house: House) -> None:
    person, other = house.person(), house.person()
    for _ in range(7):
        house.fund(person.user_id, COIN)
    transfer(person, other, "k", "0.5")
    seen: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = person.get(f"/transactions?asset={ASSET}&limit=3{cursor}").get_json()
        seen += answer["items"]
        if answer["next_cursor"] is None:
            break
        cursor = f"&cursor={answer['next_cursor']}"
    assert [row["balance"] for row in seen] == ["6.50000000", *(f"{n}.00000000" for n in range(7, 0, -1))]
    assert seen[0]["change"] == "-0.50000000"
    for file in (
        person.get(f"/transactions?asset={ASSET}&format=csv"),
        person.get(f"/transactions?asset={ASSET}", headers={"Accept": "text/csv"}),
    ):
        assert file.content_type == "text/csv; charset=utf-8"
        rows = list(csv.DictReader(io.StringIO(file.text)))
        assert [row["balance"] for row in rows] == [row["balance"] for row in seen]


def test_reading_a_statement_opens_no_account(house: House) -> None:
    person = house.person()
    assert person.get(f"/transactions?asset={ASSET}").get_json() == {"items": [], "next_cursor": None}
    assert person.get(f"/transactions?asset={ASSET}&format=csv").text.startswith("number,")


def test_lists_are_paged_newest_first(house: House) -> None:
    person = house.person(funds_minor=5 * COIN)
    house.policy(auto_limit_minor=100 * COIN)
    ids = [person.withdraw("0.5").get_json()["id"] for _ in range(5)]
    pages, cursor = [], ""
    for _ in range(3):
        answer = person.get(f"/withdrawals?limit=2{cursor}").get_json()
        pages.append([row["id"] for row in answer["items"]])
        cursor = f"&cursor={answer['next_cursor']}"
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    assert len(person.get("/flows?limit=200").get_json()["items"]) == 5


def test_an_address_is_the_callers_own_and_comes_with_a_link(own_house: House) -> None:
    person, other = own_house.person(), own_house.person()
    own_house.fill_pool(3)
    issued = person.post("/deposit-addresses", {"asset": ASSET})
    assert issued.status_code == 201
    body = issued.get_json()
    assert body["uri"] == f"litecoin:{body['address']}"
    assert person.get(f"/deposit-addresses?asset={ASSET}").get_json()["items"] == [body]
    assert other.get("/deposit-addresses").get_json()["items"] == []


def test_everybody_elses_flows_are_for_those_with_a_role(house: House) -> None:
    person, viewer = house.person(funds_minor=2 * COIN), house.person(role="viewer")
    asked = person.withdraw().get_json()
    assert viewer.get(f"/flows/{asked['flow']}").status_code == 200
    shown = {row["short_id"] for row in viewer.get("/flows?everyone=true&limit=200").get_json()["items"]}
    assert asked["flow"] in shown
    other = house.person()
    assert other.get("/flows?everyone=true").get_json()["items"] == []


def test_flows_are_found_by_what_is_known_about_them(house: House) -> None:
    person, other, viewer = house.person(funds_minor=4 * COIN), house.person(), house.person(role="viewer")
    withdraw(person, other, "w")
    transfer(person, other, "t")
    [flow_id] = [item["id"] for item in person.get("/flows").get_json()["items"] if item["kind"] == "withdrawal"]

    def search(who: Person, **query: str) -> list[str]:
        answer = who.get("/flows", query_string=query)
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.get_json()["items"]]

    assert search(person, kind="withdrawal") == [flow_id]
    assert search(person, id=flow_id, asset=ASSET) == [flow_id]
    assert search(person, kind="withdrawal", opened_before="2020-01-01T00:00:00Z") == []
    assert search(viewer, id=flow_id) == []
    assert search(viewer, everyone="true", user=str(person.user_id), kind="withdrawal") == [flow_id]
    for refused in ({"kind": "gift"}, {"state": "lost"}, {"user": "me"}, {"opened_after": "2020-01-01T00:00:00"}):
        assert person.get("/flows", query_string=refused).status_code == 422
    assert search(other, everyone="true", id=flow_id) == []

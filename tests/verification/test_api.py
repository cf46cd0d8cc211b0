"""Claims through the API: who may, what is refused before anybody is asked, and what operators can do."""

import pytest

from services import verifications
from tests.api.house import House, Person
from tests.fakes.chains import solana_key, solana_signature
from tests.oauth.app import App, register
from tests.verification.desk import BY, DOLLAR, HOUSE, USDC, Desk

PATH = "/payment-verifications"


@pytest.fixture
def house(desk: Desk) -> House:
    """The desk, with an API in front of it."""
    return House(desk.container)


@pytest.fixture
def person(house: House) -> Person:
    return house.person()


def body(tx_hash: str, /, **values: object) -> dict[str, object]:
    told = {"chain": "solana", "tx_hash": tx_hash, "asset": USDC.asset_id, "amount": "10", "reference": "order 1"}
    return {**told, **values}


def test_a_claim_is_made_once_under_its_key_and_credited_by_the_task(desk: Desk, person: Person) -> None:
    paid = desk.pay(1)
    first = person.post(PATH, body(paid), key="k")
    assert (first.status_code, first.get_json()["state"], first.get_json()["to"]) == (201, "requested", HOUSE)
    assert person.post(PATH, body(paid), key="k").get_json() == first.get_json()
    assert person.post(PATH, body(paid)).get_json()["error"] == "idempotency_key_missing"
    desk.check()
    [item] = person.get(PATH).get_json()["items"]
    assert (item["state"], item["paid"], item["credited"]) == ("verified", "10.000000", True)
    assert person.get(f"{PATH}/{item['id']}").get_json() == item
    assert desk.balance(person.user_id) == 10 * DOLLAR


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"tx_hash": "0x12"}, "invalid_transaction_hash"),
        ({"tx_hash": 12}, "invalid_transaction_hash"),
        ({"chain": "tron"}, "unknown_asset"),
        ({"asset": "USDC"}, "unknown_asset"),
        ({"to": solana_key(9)}, "not_a_receiving_address"),
        ({"to": HOUSE.lower()}, "invalid_address"),
        ({"amount": "1e3"}, "invalid_amount"),
        ({"amount": 10}, "invalid_amount"),
        ({"reference": ""}, "invalid_request"),
        ({"other": 1}, "invalid_request"),
    ],
)
def test_what_cannot_be_claimed_is_refused_before_anybody_is_asked(
    desk: Desk, person: Person, values: dict[str, object], code: str
) -> None:
    assert person.post(PATH, body(solana_signature(1), **values), key="k").get_json()["error"] == code
    desk.check()
    assert desk.provider.asked == []


def test_nobody_sees_the_claims_of_others(desk: Desk, house: House, person: Person) -> None:
    made = person.post(PATH, body(desk.pay(1)), key="k").get_json()
    other = house.person()
    assert other.get(f"{PATH}/{made['id']}").status_code == 404
    assert other.get(PATH).get_json()["items"] == []
    assert other.get(f"/operator{PATH}").status_code == 403
    assert other.post(f"/operator{PATH}/{made['id']}/replay", {}).status_code == 403


def test_operators_see_the_evidence_and_decide_again(desk: Desk, house: House, person: Person) -> None:
    made = person.post(PATH, body(desk.pay(1, 9 * DOLLAR)), key="k").get_json()
    desk.check()
    operator = house.person(role="approver")
    viewer = house.person(role="viewer")
    found = viewer.get(f"/operator{PATH}/{made['id']}").get_json()
    assert (found["state"], found["reason"], found["user_id"]) == ("rejected", "amount_mismatch", str(person.user_id))
    assert [one["status"] for one in found["evidence"]] == [200]
    assert viewer.get(f"/operator{PATH}?state=rejected").get_json()["items"][0]["id"] == made["id"]
    assert viewer.post(f"/operator{PATH}/{made['id']}/replay", {}).status_code == 403
    again = operator.post(f"/operator{PATH}/{made['id']}/replay", {}).get_json()
    assert (again["state"], again["reason"]) == ("rejected", "amount_mismatch")
    desk.pay(1, 10 * DOLLAR)
    asked = operator.post(f"/operator{PATH}/{made['id']}/replay", {"source": "network"}).get_json()
    assert asked["state"] == "requested"
    desk.check()
    assert person.get(f"{PATH}/{made['id']}").get_json()["state"] == "verified"
    assert operator.post(f"/operator{PATH}/{made['id']}/replay", {}).get_json()["error"] == "wrong_state"


def test_an_app_verifies_payments_to_its_own_address_and_credits_nobody(
    desk: Desk, house: House, person: Person
) -> None:
    scopes = "verifications:create verifications:read"
    app, other = (register(house, scope=scopes) for _ in range(2))
    shop = solana_key(42)
    with desk.container.transaction() as session:
        now = desk.container.now()
        verifications.add_address(session, "solana", shop, client_id=app.client_id, now=now, by=BY)
    paid = desk.pay(1, owner=shop)

    def claim(by: App, **values: object) -> dict[str, object]:
        token = by.tokens(person, scope=scopes)["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
        answer = house.visitor().post(f"/api/v1{PATH}", json=body(paid, **values), headers=headers)
        told: dict[str, object] = answer.get_json()
        return told

    assert claim(other, to=shop)["error"] == "not_a_receiving_address"
    made = claim(app, to=shop)
    desk.check()
    found = person.get(f"{PATH}/{made['id']}").get_json()
    assert (found["state"], found["credited"]) == ("verified", False)
    assert desk.balance(person.user_id) == 0
    token = other.tokens(person, scope=scopes)["access_token"]
    assert other.get(f"/api/v1{PATH}/{made['id']}", token).status_code == 404

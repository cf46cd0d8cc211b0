"""Conversions through the API: what is offered, quotes, keys, apps and their limits, and what programs are told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from domain import webhooks
from domain.ids import new_id
from services import conversions, event_log
from services.webhooks_out import telling
from tests import horizon
from tests.api.house import House, Person
from tests.conversions.desk import BOUGHT, BOUGHT_PRICE, BY, COIN, SOLD, SOLD_PRICE, TERMS, Desk
from tests.oauth.app import App, register

QUOTES, PATH = "/conversions/quotes", "/conversions"
ASKED = {"from_asset": SOLD, "to_asset": BOUGHT, "amount": "1"}
SCOPE = "conversions:read conversions:create withdrawals:create"


@pytest.fixture
def house(desk: Desk) -> House:
    """The desk, with an API in front of it."""
    return House(desk.container)


@pytest.fixture
def person(house: House) -> Person:
    return house.person(funds_minor=10 * COIN)


def error_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]


def quoted(person: Person, amount: str = "1") -> str:
    answer = person.post(QUOTES, {**ASKED, "amount": amount})
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def test_a_quote_says_what_an_amount_brings_and_what_it_costs(person: Person) -> None:
    [offered] = person.get("/conversions/pairs").get_json()["items"]
    assert offered == {
        "from_asset": SOLD, "to_asset": BOUGHT, "spread": "0.005000", "fee": "0.002500", "minimum": "0.01000000",
        "maximum": "100.00000000", "quote_lifetime_s": 30,
    }  # fmt: skip
    quote = person.post(QUOTES, ASKED).get_json()
    assert (quote["amount"], quote["change"]) == ("1.00000000", "0.00000000")
    assert (quote["spread"], quote["fee"]) == ("0.00500000", "0.00250000")
    assert quote["receives"] == "0.033083333333333333"
    assert quote["rate"] == "0.0" + 29 * "3"
    assert person.balance()["held"] == "0.00000000"


def test_a_conversion_is_requested_once_under_its_key_and_settled_by_the_task(desk: Desk, person: Person) -> None:
    body = {"quote_id": quoted(person)}
    assert error_of(person.post(PATH, body)) == (400, "idempotency_key_missing")
    first = person.post(PATH, body, key="k")
    assert (first.status_code, first.get_json()["state"]) == (201, "requested")
    again = person.post(PATH, body, key="k")
    assert (again.get_json(), again.headers["Idempotency-Replayed"]) == (first.get_json(), "true")
    assert error_of(person.post(PATH, body, key="other")) == (409, "quote_used")
    assert person.balance()["held"] == first.get_json()["amount"]
    desk.settle()
    [item] = person.get(PATH).get_json()["items"]
    assert (item["state"], item["failed_because"]) == ("completed", None)
    assert person.get(f"{PATH}/{item['id']}").get_json() == item
    bought = {row["asset"]: row["available"] for row in person.get("/balances").get_json()["items"]}
    assert bought[BOUGHT] == item["receives"]


def test_one_that_fails_says_why_and_gives_everything_back(desk: Desk, person: Person) -> None:
    asked = person.post(PATH, {"quote_id": quoted(person)}, key="k").get_json()
    desk.price(SOLD_PRICE, "50")
    desk.settle()
    item = person.get(f"{PATH}/{asked['id']}").get_json()
    assert (item["state"], item["failed_because"]) == ("failed", "price_moved")
    assert person.balance()["available"] == "10.00000000"
    steps = person.get(f"/flows/{asked['flow']}").get_json()["timeline"]
    assert [step["state"] for step in steps] == ["requested", "failed"]


def test_the_flow_spells_each_transfer_in_its_own_asset(desk: Desk, person: Person) -> None:
    made = person.post(PATH, {"quote_id": quoted(person)}, key="k").get_json()
    desk.settle()
    transfers = person.get(f"/flows/{made['flow']}").get_json()["transfers"]
    paid = {
        (row["asset"], row["debit"], row["credit"], row["amount"]) for row in transfers if row["phase"] != "pending"
    }
    assert paid == {
        (SOLD, "user", "conversion_float", "0.99250000"),
        (SOLD, "user", "conversion_spread", made["spread"]),
        (SOLD, "user", "conversion_income", made["fee"]),
        (BOUGHT, "conversion_float", "user", made["receives"]),
    }


def test_what_cannot_be_quoted_is_refused_by_name(person: Person) -> None:
    refused: tuple[tuple[dict[str, Any], tuple[int, str]], ...] = (
        ({"amount": "0.001"}, (422, "conversion_out_of_range")),
        ({"amount": 1}, (422, "invalid_amount")),
        ({"from_asset": BOUGHT, "to_asset": SOLD}, (422, "conversion_pair_missing")),
        ({"from_asset": "GOLD"}, (422, "unknown_asset")),
        ({"other": "x"}, (422, "invalid_request")),
    )
    for changes, expected in refused:
        assert error_of(person.post(QUOTES, {**ASKED, **changes})) == expected


def test_a_stale_price_a_pause_and_an_expired_quote_refuse(desk: Desk, person: Person) -> None:
    quote = quoted(person)
    with desk.container.transaction() as session:
        conversions.set_open(session, SOLD, BOUGHT, is_open=False, now=desk.container.now(), by=BY)
    assert error_of(person.post(QUOTES, ASKED)) == (503, "conversion_pair_paused")
    assert person.get("/conversions/pairs").get_json()["items"] == []
    with desk.container.transaction() as session:
        conversions.set_open(session, SOLD, BOUGHT, is_open=True, now=desk.container.now(), by=BY)
    desk.later(timedelta(minutes=11))
    late = House(desk.container)
    stale = Person(late, person.key, person.user_id, person.token)
    assert error_of(stale.post(QUOTES, ASKED)) == (503, "price_stale")
    assert error_of(stale.post(PATH, {"quote_id": quote}, key="k")) == (410, "quote_expired")


def test_what_belongs_to_others_is_not_found(house: House, person: Person) -> None:
    stranger = house.person()
    quote = quoted(person)
    assert error_of(stranger.post(PATH, {"quote_id": quote}, key="k")) == (404, "quote_not_found")
    made = person.post(PATH, {"quote_id": quote}, key="k").get_json()
    assert error_of(stranger.get(f"{PATH}/{made['id']}")) == (404, "conversion_not_found")
    assert stranger.get(PATH).get_json()["items"] == []


def test_operators_see_every_pair_and_what_the_house_has_to_pay_out_with(
    desk: Desk, house: House, person: Person
) -> None:
    with desk.container.transaction() as session:
        back = replace(TERMS, from_price=BOUGHT_PRICE, to_price=SOLD_PRICE)
        conversions.set_terms(session, BOUGHT, SOLD, back, now=desk.container.now(), by=BY)
    assert person.get("/operator/conversion-pairs").status_code == 403
    rows = house.person(role="viewer").get("/operator/conversion-pairs").get_json()["items"]
    assert [(row["from_asset"], row["is_open"], row["float"], row["tolerance"]) for row in rows] == [
        (SOLD, True, "10.000000000000000000", "0.010000"),
        (BOUGHT, True, "0.00000000", "0.010000"),
    ]


# --------------------------------------------------------------------------------------------------------- apps


def by_app(app: App, token: str, path: str, body: dict[str, Any], key: str | None = None) -> TestResponse:
    headers = {"Authorization": f"Bearer {token}", **({} if key is None else {"Idempotency-Key": key})}
    return app.house.visitor().post(f"/api/v1{path}", json=body, headers=headers)


def converted(app: App, token: str, amount: str) -> TestResponse:
    quote = by_app(app, token, QUOTES, {**ASKED, "amount": amount}).get_json()["id"]
    return by_app(app, token, PATH, {"quote_id": quote}, key=str(new_id()))


def test_what_an_app_converts_counts_against_what_it_may_spend_of_the_asset_sold(
    desk: Desk, house: House, person: Person
) -> None:
    house.policy(fee_minor=0)
    app = register(house, scope=SCOPE)
    token = app.redeem(app.code(person, "3", scope=SCOPE)).get_json()["access_token"]
    assert converted(app, token, "2").status_code == 201
    assert error_of(converted(app, token, "1.1")) == (403, "spending_limit_exceeded")
    assert error_of(app.withdraw(token, "1.1", key="w")) == (403, "spending_limit_exceeded")
    # What comes back is not spent, as with a withdrawal that comes to nothing.
    desk.price(SOLD_PRICE, "50")
    desk.settle()
    assert person.balance()["available"] == "10.00000000"
    assert converted(app, token, "2.9").status_code == 201


def test_an_app_uses_only_quotes_of_its_own(house: House, person: Person) -> None:
    apps = [register(house, scope=SCOPE) for _ in range(2)]
    first, second = (app.redeem(app.code(person, "3", scope=SCOPE)).get_json()["access_token"] for app in apps)
    of_person, of_first = quoted(person), by_app(apps[0], first, QUOTES, ASKED).get_json()["id"]
    for quote in (of_person, of_first):
        refused = by_app(apps[1], second, PATH, {"quote_id": quote}, key=f"other-{quote}")
        assert error_of(refused) == (404, "quote_not_found")
    # Nobody used them by that: each is still good to whom it was given, and to the person whose money it is.
    assert person.post(PATH, {"quote_id": of_person}, key="own").status_code == 201
    assert by_app(apps[0], first, PATH, {"quote_id": of_first}, key="own").status_code == 201
    for_person = by_app(apps[0], first, QUOTES, ASKED).get_json()["id"]
    assert person.post(PATH, {"quote_id": for_person}, key="for").status_code == 201


def test_an_app_without_the_scope_neither_sees_nor_makes_any(house: House, person: Person) -> None:
    app = register(house)
    token = app.tokens(person, scope="wallet:read withdrawals:read")["access_token"]
    for path in (PATH, "/conversions/pairs"):
        assert error_of(app.get(f"/api/v1{path}", token)) == (403, "insufficient_scope")
    assert error_of(by_app(app, token, QUOTES, ASKED)) == (403, "insufficient_scope")
    assert error_of(by_app(app, token, PATH, {"quote_id": quoted(person)}, key="k")) == (403, "insufficient_scope")


def test_programs_get_both_amounts_of_a_conversion(desk: Desk, person: Person) -> None:
    with desk.container.reading() as session:
        start = event_log.present(session)
    made = person.post(PATH, {"quote_id": quoted(person)}, key="k").get_json()
    desk.settle()
    horizon.reached(desk.container.engine)
    with desk.container.reading() as session:
        events = event_log.read(session, after=start, sources=("flow",))
    assert [event.type for event in events] == ["conversion.requested", "conversion.completed"]
    assert {event.data["conversion_id"] for event in events} == {made["id"]}
    assert (events[0].data["receives"], events[0].data["to_asset"]) == (made["receives"], BOUGHT)
    assert webhooks.checked_kinds(["conversion.completed", "conversion.failed"])
    assert telling.scope_of("conversion") == "conversions:read"

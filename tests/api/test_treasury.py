"""Prices, replenishments and the screening list over HTTP."""

from datetime import timedelta

from domain.actor import Actor
from domain.prices import PriceRule
from services import prices, replenishments
from tests.api.house import ASSET, COIN, DESTINATION, NETWORK, House

BY = Actor("test")
PAIR = "BTC/USD"


def test_an_operator_sets_a_price_that_others_only_read(own_house: House) -> None:
    admin, viewer = own_house.person(role="admin"), own_house.person(role="viewer")
    now = own_house.container.now()
    assert admin.post("/prices", {"pair": PAIR, "price": "1"}).get_json()["error"] == "pair_missing"
    with own_house.container.transaction() as session:
        prices.set_rule(session, PAIR, PriceRule(timedelta(minutes=5), 1, 500), now=now, by=BY)
    [empty] = viewer.get("/prices").get_json()["items"]
    assert (empty["price"], "fresh" in empty["refusal"]) == (None, True)
    [item] = admin.post("/prices", {"pair": PAIR, "price": "64000.10"}).get_json()["items"]
    assert (item["price"], item["sources"]) == ("64000.1", ["operator"])
    assert viewer.post("/prices", {"pair": PAIR, "price": "1"}).status_code == 403
    assert admin.post("/prices", {"pair": PAIR, "price": "-1"}).get_json()["error"] == "invalid_price"


def test_an_order_is_listed_approved_and_cancelled(own_house: House) -> None:
    approver = own_house.person(role="approver")
    own_house.fill_pool(1)
    now = own_house.container.now()
    with own_house.container.transaction() as session:
        order = replenishments.propose(session, ASSET, COIN, reason="low", now=now, by=BY)
    [item] = approver.get("/operator/replenishments").get_json()["items"]
    assert (item["state"], item["amount"], item["address"]) == ("proposed", "1.00000000", None)
    path = f"/operator/replenishments/{order.id}"
    assert approver.post(f"{path}/approve", {}).get_json()["address"]
    assert approver.post(f"{path}/cancel", {"reason": "no"}).get_json()["state"] == "cancelled"
    assert approver.post(f"{path}/cancel", {"reason": "no"}).get_json()["error"] == "wrong_state"


def test_an_order_is_proposed_by_an_approver_and_one_is_open(own_house: House) -> None:
    approver, viewer = own_house.person(role="approver"), own_house.person(role="viewer")
    path, body = "/operator/replenishments", {"asset": ASSET, "amount": "1.5", "reason": "a quiet week"}
    assert viewer.post(path, body).status_code == 403
    answer = approver.post(path, body)
    assert (answer.status_code, answer.get_json()["state"]) == (201, "proposed")
    assert approver.post(path, body).get_json()["error"] == "replenishment_open"
    assert "amount" in approver.post(path, {**body, "amount": "1e9"}).get_json()["fields"]


def test_an_address_is_listed_and_taken_off_by_an_admin(own_house: House) -> None:
    admin, viewer = own_house.person(role="admin"), own_house.person(role="viewer")
    entry = {"chain": NETWORK.chain, "address": DESTINATION, "reason": "stolen coins"}
    assert admin.post("/operator/screening/list", entry).get_json() == {"changed": True}
    assert admin.post("/operator/screening/list", entry).get_json() == {"changed": False}
    assert viewer.post("/operator/screening/list", entry).status_code == 403
    shown = viewer.get("/operator/screening").get_json()
    assert (shown["modes"], shown["items"][0]["address"]) == ({NETWORK.chain: "list"}, DESTINATION)
    bad = {**entry, "address": "nowhere"}
    found = viewer.get(f"/operator/screening?chain={NETWORK.chain}&search=STOLEN").get_json()["items"]
    assert [item["address"] for item in found] == [DESTINATION]
    assert viewer.get("/operator/screening?search=borrowed").get_json()["items"] == []
    assert admin.post("/operator/screening/list", bad).get_json()["error"] == "spelling_refused"
    assert admin.post("/operator/screening/unlist", entry).get_json() == {"changed": True}
    assert viewer.get("/operator/screening").get_json()["items"] == []

"""What suspense carries for good, on its page and over the API: one approver proposes, another books."""

from uuid import uuid4

import pytest

from domain.actor import Actor
from domain.ids import short_id
from domain.ledger import Transaction, Transfer
from models.loss import Loss
from services import assets, ledger, losses
from tests.api.house import ASSET, COIN, NETWORK, House
from tests.pages.reader import Reader, words

BY = Actor("test")
PLACE = "/operator/losses"


@pytest.fixture
def house(own_house: House) -> House:
    """Suspense of this house lacks a coin, half of it because of one payment."""
    now = own_house.container.now()
    with own_house.container.transaction() as session:
        assets.ensure_rail(session, NETWORK)
        suspense = ledger.system_account(session, "suspense", ASSET)
        hot_wallet = ledger.system_account(session, "hot_wallet", ASSET)
        leg = Transfer(suspense, hot_wallet, COIN // 2)
        ledger.post_one(session, Transaction(str(uuid4()), "test", (leg,), effective_at=now))
        facts = {"txid": "ab" * 32, "reason": "nothing explains it", "key": str(uuid4())}
        losses.carry(session, ASSET, COIN // 2, **facts, now=now, by=BY)
    return own_house


def rows(house: House) -> list[Loss]:
    with house.container.reading() as session:
        return list(losses.newest(session, limit=10))


def test_one_approver_proposes_on_the_page_and_another_books(house: House, approver: Reader) -> None:
    assert "nothing explains it" in approver.text(PLACE)
    assert "a reason is missing" in words(approver.post(PLACE, asset=ASSET, amount="0.1"))
    assert "Nothing was changed" in words(approver.post(PLACE, asset=ASSET, amount="0.6", reason="gone"))
    assert approver.post(PLACE, asset=ASSET, amount="0.5", reason="the fork of May").location == PLACE
    row = rows(house)[0]
    shown = approver.text(PLACE)
    assert "You proposed it: another approver has to agree." in shown
    code = short_id(row.flow_id)
    assert "another operator must agree" in words(approver.post(f"{PLACE}/{row.id}/agree", typed=code))
    other = Reader(house, house.person(role="approver"))
    assert "is not this one's" in words(other.post(f"{PLACE}/{row.id}/agree", typed="x"))
    assert other.post(f"{PLACE}/{row.id}/agree", typed=code).location == PLACE
    assert "the fork of May" in other.text(f"/flows/{code}")
    with house.container.reading() as session:
        assert (losses.carried(session, ASSET), ledger.system_balance(session, "losses", ASSET)) == (
            COIN // 2, COIN // 2,
        )  # fmt: skip


def test_over_the_api_a_payment_is_proposed_refused_and_booked_by_another(house: House) -> None:
    one, other, viewer = (house.person(role=role) for role in ("approver", "approver", "viewer"))
    [item] = viewer.get(PLACE).get_json()["items"]
    assert (item["state"], item["amount"], item["tx_hash"]) == ("carried", "0.50000000", "ab" * 32)
    assert viewer.get("/operator/suspense").get_json() == {"items": [{"asset": ASSET, "amount": "1.00000000"}]}
    path = f"{PLACE}/{item['id']}"
    assert viewer.post(f"{path}/propose", {"reason": "stolen"}).status_code == 403
    assert one.post(f"{path}/agree", {}).get_json()["error"] == "wrong_state"
    assert one.post(f"{path}/propose", {"reason": "stolen"}).get_json()["state"] == "proposed"
    assert one.post(f"{path}/agree", {}).get_json()["error"] == "proposed_by_you"
    assert other.post(f"{path}/refuse", {"reason": "ask first"}).get_json()["state"] == "carried"
    assert other.post(f"{path}/propose", {"reason": "stolen"}).get_json()["state"] == "proposed"
    booked = one.post(f"{path}/agree", {}).get_json()
    assert (booked["state"], booked["decided_by"] != booked["proposed_by"]) == ("booked", True)
    body = {"asset": ASSET, "amount": "0.6", "reason": "gone"}
    assert one.post(PLACE, body).get_json()["error"] == "not_that_much_in_suspense"
    assert one.post(PLACE, {**body, "amount": "0.5"}).status_code == 201
    assert one.post(f"{PLACE}/{uuid4()}/agree", {}).get_json()["error"] == "loss_not_found"

"""The page about buffers: its lines add up, and orders are decided about on it."""

from datetime import timedelta

import pytest

from domain.actor import Actor
from domain.wallet_facts import Holding
from models.replenishment import Replenishment
from services import assets, buffer_marks, buffer_reports, buffers
from tests.api.house import ASSET, COIN, House
from tests.pages.reader import Reader, words

BY = Actor("test")
PLACE = "/operator/buffers"


@pytest.fixture
def house(own_house: House) -> House:
    """These tests look at everything that is held."""
    return own_house


@pytest.fixture
def order(house: House) -> Replenishment:
    """A buffer that is low, with the order that follows."""
    house.person(funds_minor=COIN)
    house.fill_pool(1)
    now = house.container.now()
    with house.container.transaction() as session:
        asset = assets.get(session, ASSET)
        buffer_marks.put(
            session,
            ASSET,
            low_minor=COIN,
            high_minor=2 * COIN,
            discrepancy_minor=0,
            mismatches_min=3,
            now=now,
            by=BY,
        )
        buffers.compare(session, asset, Holding(COIN // 2, 0, 0, 7, ""), now=now)
        assert buffer_marks.judge(session, ASSET, now=now, by=BY)
        return session.query(Replenishment).one()


def test_what_is_held_is_explained_and_its_days_are_a_table(
    house: House, order: Replenishment, approver: Reader
) -> None:
    shown = approver.text(PLACE)
    assert "Held in all" in shown
    assert "Not explained" in shown
    day = order.proposed_at.date()
    with house.container.transaction() as session:
        assert buffer_reports.write_due(session, now=order.proposed_at + timedelta(days=1)) == 1
    days = approver.text(f"{PLACE}/days")
    assert day.isoformat() in days
    assert "Least to pay out" in days
    head, line = approver.get(f"{PLACE}.csv").text.splitlines()
    assert head.startswith("day,asset,ok,mismatch")
    assert line.startswith(f"{day.isoformat()},{ASSET},")


def test_an_order_is_approved_and_shows_its_address(house: House, order: Replenishment, approver: Reader) -> None:
    assert approver.post(f"{PLACE}/orders/{order.id}/approve").location == PLACE
    assert "Send it to" in approver.text(PLACE)
    assert "only a proposed one" in words(approver.post(f"{PLACE}/orders/{order.id}/approve"))
    assert "a reason is missing" in words(approver.post(f"{PLACE}/orders/{order.id}/cancel"))
    assert approver.post(f"{PLACE}/orders/{order.id}/cancel", reason="not needed").location == PLACE
    assert "not needed" in approver.text(PLACE)
    assert approver.get(f"/flows/{order.flow_id}").status_code == 200


def test_an_order_is_proposed_by_hand_and_one_is_open_at_a_time(house: House, approver: Reader) -> None:
    form = {"asset": ASSET, "amount": "1 .5", "reason": "a quiet week"}
    assert approver.post(f"{PLACE}/orders", **form).location == PLACE
    shown = approver.text(PLACE)
    assert "a quiet week" in shown
    assert "1.500 000 00" in shown
    for changed, told in (
        ({}, "an open replenishment"),
        ({"amount": "0"}, "The amount"),
        ({"amount": "0.000000001"}, "The amount"),
        ({"asset": "XRP"}, "there is no asset"),
        ({"reason": ""}, "a reason is missing"),
    ):
        assert told.lower() in words(approver.post(f"{PLACE}/orders", **{**form, **changed})).lower()
    viewer = Reader(house, house.person(role="viewer"))
    assert viewer.post(f"{PLACE}/orders", **form).status_code == 403


def test_only_operators_see_it_and_only_approvers_decide(house: House, order: Replenishment, owner: Reader) -> None:
    assert owner.get(PLACE).status_code == 403
    viewer = Reader(house, house.person(role="viewer"))
    assert "Approve" not in viewer.text(PLACE)
    assert viewer.post(f"{PLACE}/orders/{order.id}/approve").status_code == 403

"""Deposits that are set aside, on the operator's page: released or paid back with a reason, by the right person."""

import pytest

from domain.actor import Actor
from domain.chain_facts import Block, ChainOutput, ChainTransaction, OutPoint
from domain.ids import short_id
from models.chain import DepositAddress
from models.deposit import Deposit
from services import addresses, chains, deposits
from tests.api.house import ASSET, COIN, DESTINATION, NETWORK, House
from tests.pages.reader import Reader, words

BY = Actor("test")
PLACE = "/operator/deposits"


@pytest.fixture
def house(own_house: House) -> House:
    """These tests look at everything that is set aside."""
    return own_house


def set_aside(house: House, owner: Reader) -> Deposit:
    """A deposit of this person that is confirmed, set aside and in suspense."""
    house.fill_pool(1)
    now, chain = house.container.now(), NETWORK.chain
    with house.container.transaction() as session:
        chains.follow(session, chain, height=20, hashes=["ab" * 32], now=now)
        issued = addresses.issue(session, user_id=owner.person.user_id, asset_id=ASSET, now=now, by=BY)
        script = session.get_one(DepositAddress, issued.id).script
        spends = (OutPoint("12" * 32, 0),)
        paid = ChainTransaction("ef" * 32, (ChainOutput(0, script, COIN),), spends, is_coinbase=False)
        block = Block(7, "cd" * 32, "ce" * 32, now, (paid,))
        deposits.sight_blocks(session, chain, [block], now=now, by=BY)
        deposit = session.query(Deposit).one()
        deposits.quarantine(session, deposit.id, cause="bad_actor_list", reason="stolen coins", now=now, by=BY)
    with house.container.transaction() as session:
        assert deposits.take_due(session, chain, now=now, by=BY) == 1
    return deposit


def state(house: House) -> str:
    with house.container.reading() as session:
        return session.query(Deposit).one().state


def test_a_deposit_is_released_with_a_reason(house: House, owner: Reader, approver: Reader) -> None:
    path = f"{PLACE}/{set_aside(house, owner).id}/release"
    shown = approver.text(PLACE)
    assert "bad actor list: stolen coins" in shown
    assert "Suspense has its money." in shown
    assert "Another approver has to agree to the address" in shown
    assert "a reason is missing" in words(approver.post(path))
    assert approver.post(path, reason="proved to be theirs").location == PLACE
    assert state(house) == "confirming"
    assert "Nothing is set aside." in approver.text(PLACE)
    assert "there is nothing to decide" in words(approver.post(path, reason="again"))


def test_a_deposit_is_paid_back_after_its_short_id_was_typed(house: House, owner: Reader, approver: Reader) -> None:
    deposit = set_aside(house, owner)
    path, short = f"{PLACE}/{deposit.id}/return", short_id(deposit.flow_id)
    form = {"reason": "not ours", "destination": DESTINATION, "typed": short}
    assert "the short id that was typed" in words(approver.post(path, **{**form, "typed": "x"}))
    assert "Nothing was changed" in words(approver.post(path, **{**form, "destination": "nowhere"}))
    assert state(house) == "quarantined"
    assert approver.post(path, **form).location == PLACE
    assert state(house) == "returned"
    assert "a withdrawal pays it back" in owner.text(f"/flows/{short}")


def test_neither_its_owner_nor_a_viewer_decides(house: House) -> None:
    both, viewer = Reader(house, house.person(role="approver")), Reader(house, house.person(role="viewer"))
    path = f"{PLACE}/{set_aside(house, both).id}/release"
    assert "This one is yours, so somebody else decides." in both.text(PLACE)
    assert "Nobody may decide about their own deposit." in words(both.post(path, reason="mine"))
    assert "Reason" not in viewer.text(PLACE)
    assert viewer.post(path, reason="x").status_code == 403
    assert state(house) == "quarantined"

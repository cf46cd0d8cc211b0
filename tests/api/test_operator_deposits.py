"""Operators set deposits aside and decide about them over HTTP."""

from collections.abc import Callable
from uuid import UUID

import pytest

from domain.actor import Actor
from domain.chain_facts import Block, ChainOutput, ChainTransaction, OutPoint
from models.audit import AuditLog
from models.chain import DepositAddress
from models.deposit import Deposit
from services import chains, deposits
from tests.api.house import ASSET, COIN, DESTINATION, NETWORK, House, Person

BY = Actor("test")
BLOCK = "ab" * 32


@pytest.fixture
def paid(own_house: House) -> Callable[[Person], Deposit]:
    """Have somebody be sent a coin that is in a block, and not credited yet."""

    def pay(person: Person) -> Deposit:
        own_house.fill_pool(1)
        person.post("/deposit-addresses", {"asset": ASSET}, key=f"address-{person.user_id}")
        now = own_house.container.now()
        with own_house.container.transaction() as session:
            chains.follow(session, NETWORK.chain, height=7, hashes=["cd" * 32, BLOCK], now=now)
            address = session.query(DepositAddress).filter(DepositAddress.user_id == person.user_id).one()
            output = ChainOutput(0, address.script, COIN)
            payment = ChainTransaction("ef" * 32, (output,), (OutPoint("12" * 32, 0),), is_coinbase=False)
            block = Block(7, BLOCK, "cd" * 32, now, (payment,))
            deposits.sight_blocks(session, NETWORK.chain, [block], now=now, by=BY)
            return session.query(Deposit).one()

    return pay


def confirm(house: House) -> None:
    """Let the deposit have its confirmations, and book what follows."""
    with house.container.transaction() as session:
        chains.get(session, NETWORK.chain).height = 20
    for work in (deposits.take_due, deposits.credit_due):
        with house.container.transaction() as session:
            work(session, NETWORK.chain, now=house.container.now(), by=BY)


def test_an_operator_sets_aside_and_releases_and_each_is_on_record(
    own_house: House, paid: Callable[[Person], Deposit]
) -> None:
    owner, approver = own_house.person(), own_house.person(role="approver")
    path = f"/operator/deposits/{paid(owner).id}"
    answer = approver.post(f"{path}/quarantine", {"reason": "a tip"})
    assert (answer.status_code, answer.get_json()["state"]) == (200, "quarantined")
    confirm(own_house)
    [item] = approver.get("/operator/deposits/quarantined").get_json()["items"]
    assert (item["cause"], item["reason"], item["in_suspense"], item["decision"]) == ("operator", "a tip", True, None)
    assert item["user_id"] == str(owner.user_id)
    assert owner.get("/balances").get_json()["items"] == [] or owner.balance()["available"] == "0.00000000"
    released = approver.post(f"{path}/release", {"reason": "explained"}).get_json()
    assert (released["decision"], released["state"], released["in_suspense"]) == ("release", "confirming", False)
    confirm(own_house)
    assert owner.balance()["available"] == "1.00000000"
    assert approver.get("/operator/deposits/quarantined").get_json()["items"] == []
    with own_house.container.reading() as session:
        events = [row.event for row in session.query(AuditLog).filter(AuditLog.event.startswith("deposit."))]
    assert sorted(events) == ["deposit.decided", "deposit.quarantined"]


def test_a_return_is_a_withdrawal_that_its_owner_sees_and_cannot_stop(
    own_house: House, paid: Callable[[Person], Deposit]
) -> None:
    owner, approver = own_house.person(), own_house.person(role="approver")
    path = f"/operator/deposits/{paid(owner).id}"
    approver.post(f"{path}/quarantine", {"reason": "a tip"})
    body = {"reason": "not ours", "destination": DESTINATION}
    assert approver.post(f"{path}/return", body).get_json()["error"] == "wrong_state"
    confirm(own_house)
    assert approver.post(f"{path}/return", {**body, "destination": "nowhere"}).get_json()["error"] == "invalid_address"
    answer = approver.post(f"{path}/return", body).get_json()
    assert (answer["state"], answer["decision"]) == ("returned", "return")
    withdrawal = UUID(answer["return_withdrawal_id"])
    shown = owner.get(f"/withdrawals/{withdrawal}").get_json()
    assert (shown["destination"], shown["state"]) == (DESTINATION, "pending_approval")
    agreed = f"/operator/withdrawals/{withdrawal}/approve"
    assert approver.post(agreed).get_json()["error"] == "already_decided"
    assert own_house.person(role="approver").post(agreed).get_json()["state"] == "approved"
    assert owner.post(f"/withdrawals/{withdrawal}/cancel").get_json()["error"] == "wrong_state"
    assert owner.balance()["available"] == "0.00000000"


def test_nobody_decides_about_their_own_deposit_or_without_the_role(
    own_house: House, paid: Callable[[Person], Deposit]
) -> None:
    owner, viewer = own_house.person(role="approver"), own_house.person(role="viewer")
    path = f"/operator/deposits/{paid(owner).id}"
    assert viewer.post(f"{path}/quarantine", {"reason": "a tip"}).get_json()["error"] == "role_missing"
    assert owner.post(f"{path}/quarantine", {"reason": "a tip"}).status_code == 200
    assert owner.post(f"{path}/release", {"reason": "mine"}).get_json()["error"] == "self_decision"
    missing = owner.post(f"/operator/deposits/{owner.user_id}/release", {"reason": "x"})
    assert missing.get_json()["error"] == "deposit_not_found"

"""A custodian as a rail: asked once, believed when its word is final, and never guessed at in between."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from domain.actor import Actor
from domain.ids import new_id
from domain.node_refusals import NodeRefused, NodeTimeout
from domain.provider_facts import Report
from domain.wallet_facts import BroadcastAnswer
from models.asset import WithdrawalPolicy
from models.deposit import Deposit
from models.payout import Payout
from models.user import User
from models.withdrawal import Withdrawal
from services import addresses, alerts, assets, invariants, ledger, withdrawals
from tasks.addresses import refill_provider
from tasks.buffers import compare_provider
from tasks.providers import collect_provider
from tasks.reports import follow_provider
from tasks.withdrawals import pay_provider
from tests.services.custodian import Custodian
from wiring.container import Container

BY = Actor("test")
COIN = 100_000_000
DESTINATION = "tltc1qw508d6qejxtdg4y5r3zarvary0c5xw7klfsuq0"


class House:
    """A container with this provider, and somebody who banks there."""

    def __init__(self, container: Container, custodian: Custodian) -> None:
        self.custodian = custodian
        self.container = replace(container, providers={custodian.rail.chain: custodian})
        self.asset_id = custodian.rail.coin.asset_id
        self.user_id = new_id()
        with self.container.transaction() as session:
            assets.ensure_rail(session, custodian.rail)
            session.add(User(id=self.user_id, public_key="02" + self.user_id.hex * 2, created_at=self.container.now()))
            policy = session.scalars(select(WithdrawalPolicy)).one()
            policy.fee_minor, policy.auto_limit_minor, policy.minimum_minor = 1_000, 100 * COIN, 1_000
            assets.get(session, self.asset_id).confirmation_tiers = [[None, 1]]
        refill_provider(self.container, custodian)
        with self.container.transaction() as session:
            now = self.container.now()
            found = addresses.issue(session, user_id=self.user_id, asset_id=self.asset_id, now=now, by=BY)
            self.address = found.address

    def collect(self) -> int:
        return collect_provider(self.container, self.custodian, BY)

    def fund(self, amount_minor: int) -> None:
        self.custodian.tell(f"in-{new_id()}", self.address, amount_minor, "final")
        self.custodian.holds_minor += amount_minor
        self.collect()

    def withdraw(self, amount_minor: int = COIN) -> None:
        with self.container.transaction() as session:
            now, destination = self.container.now(), DESTINATION
            withdrawals.request(
                session, user_id=self.user_id, asset_id=self.asset_id, amount_minor=amount_minor,
                destination=destination, now=now, by=BY,
            )  # fmt: skip
        pay_provider(self.container, self.custodian, BY)

    def later(self, by: timedelta = timedelta(minutes=11)) -> int:
        """Let time pass, and ask about what is open."""
        clock = self.container.clock
        self.container = replace(self.container, clock=lambda: clock() + by)
        return follow_provider(self.container, self.custodian, BY)

    def one(self, model: type[Any]) -> Any:
        with self.container.reading() as session:
            return session.scalars(select(model)).one()

    def deposits(self) -> Mapping[str, str]:
        with self.container.reading() as session:
            return {row.txid: row.state for row in session.scalars(select(Deposit))}

    def balance(self) -> tuple[int, int]:
        with self.container.reading() as session:
            found = {balance.asset_id: balance for balance in ledger.balances(session, self.user_id)}
        mine = found.get(self.asset_id)
        return (mine.available_minor, mine.held_minor) if mine else (0, 0)

    def standing(self) -> set[str]:
        with self.container.reading() as session:
            assert invariants.check(session) == []
            return {alert.alert_code for alert in alerts.standing(session)}


@pytest.fixture
def house(container: Container) -> House:
    return House(container, Custodian())


def test_a_withdrawal_is_asked_for_once_and_settled_when_the_provider_has_paid(house: House) -> None:
    house.fund(5 * COIN)
    house.withdraw()
    assert house.one(Payout).state == "broadcast"
    house.later()
    assert house.one(Payout).state == "broadcast"
    house.custodian.decides(Report("completed", fee_minor=300, provider_id="p-1"))
    house.later()
    payout = house.one(Payout)
    assert (payout.state, payout.fee_minor, payout.provider_id) == ("completed", 300, "p-1")
    assert house.one(Withdrawal).state == "completed"
    assert len(house.custodian.requests) == 1
    assert house.balance() == (4 * COIN - 1_000, 0)
    house.custodian.holds_minor -= COIN + 300
    assert compare_provider(house.container, house.custodian) == "ok"
    assert house.later() == 0
    assert house.standing() == set()


@pytest.mark.parametrize("how", ["refused", "reported"])
def test_a_final_no_of_the_provider_gives_the_funds_back(house: House, how: str) -> None:
    house.fund(5 * COIN)
    if how == "refused":
        house.custodian.takes, house.custodian.says = False, BroadcastAnswer("refused", "no such account")
    house.withdraw()
    if how == "reported":
        house.custodian.decides(Report("failed", reason="no such account"))
        house.later()
    payout = house.one(Payout)
    assert (payout.state, payout.void_because, payout.reason) == ("failed", "refused", "no such account")
    assert house.balance() == (5 * COIN, 0)
    assert house.standing() == set()


def test_a_no_of_which_the_provider_has_a_payment_is_not_believed(house: House) -> None:
    house.fund(5 * COIN)
    house.custodian.says = BroadcastAnswer("refused", "seen before")
    house.withdraw()
    assert house.one(Payout).state == "broadcast"
    assert house.balance() == (4 * COIN - 1_000, COIN + 1_000)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_answer_is_uncertain_and_asked_for_again_in_the_same_words(house: House, *, arrived: bool) -> None:
    house.fund(5 * COIN)
    house.custodian.takes, house.custodian.breaks = arrived, NodeTimeout()
    house.withdraw()
    assert house.one(Payout).state == "uncertain"
    assert house.standing() == {"withdrawal_uncertain"}
    house.custodian.takes, house.custodian.breaks = True, None
    house.later()
    assert house.one(Payout).state == "broadcast"
    assert len(house.custodian.requests) == (1 if arrived else 2)
    assert len(set(house.custodian.requests)) == 1
    assert house.standing() == set()


def test_what_is_old_is_never_asked_for_again_and_stays_uncertain(house: House) -> None:
    house.fund(5 * COIN)
    house.custodian.takes, house.custodian.breaks = False, NodeTimeout()
    house.withdraw()
    house.custodian.takes, house.custodian.breaks = True, None
    house.later(timedelta(hours=2))
    assert (house.one(Payout).state, len(house.custodian.requests)) == ("uncertain", 1)
    assert house.balance() == (4 * COIN - 1_000, COIN + 1_000)


@pytest.mark.parametrize(("knows", "state"), [(True, "broadcast"), (False, "uncertain")])
def test_what_may_have_been_asked_for_before_its_worker_died_is_not_asked_for_a_day_later(
    house: House, knows: bool, state: str
) -> None:
    """By then the provider may have forgotten the reference, and would pay a second time."""
    house.fund(5 * COIN)
    house.custodian.breaks = SystemExit()
    with pytest.raises(SystemExit):
        house.withdraw()
    assert house.one(Payout).state == "signed"
    house.custodian.breaks = None
    if not knows:
        house.custodian.reports.clear()
    house.later(timedelta(days=1))
    assert (house.one(Payout).state, len(house.custodian.requests)) == (state, 1)
    assert house.balance() == (4 * COIN - 1_000, COIN + 1_000)


def test_what_waited_for_a_day_to_be_asked_for_is_asked_for_again_when_its_answer_is_lost(house: House) -> None:
    house.fund(5 * COIN)
    house.custodian.takes, house.custodian.breaks = False, NodeRefused()
    house.withdraw()
    house.custodian.breaks = NodeTimeout()
    house.later(timedelta(days=1))
    assert house.one(Payout).state == "uncertain"
    house.custodian.takes, house.custodian.breaks = True, None
    house.later()
    assert (house.one(Payout).state, len(set(house.custodian.requests))) == ("broadcast", 1)


def test_a_no_is_believed_the_first_time_it_can_be_said_whatever_kept_it_from_being_asked_for(house: House) -> None:
    house.fund(5 * COIN)
    house.custodian.knows_references = house.custodian.takes = False
    house.custodian.breaks = NodeRefused()
    house.withdraw()
    house.custodian.breaks, house.custodian.says = None, BroadcastAnswer("refused", "no such account")
    house.later()
    assert house.one(Payout).state == "failed"
    assert house.balance() == (5 * COIN, 0)


def test_a_provider_that_cannot_be_reached_was_not_asked(house: House) -> None:
    house.fund(5 * COIN)
    house.custodian.takes, house.custodian.breaks = False, NodeRefused()
    house.withdraw()
    assert house.one(Payout).state == "signed"
    assert house.one(Withdrawal).waiting_reason == "node_refused"


def test_transfers_are_credited_once_final_however_often_they_are_reported(house: House) -> None:
    house.custodian.tell("a", house.address, COIN, "pending")
    house.custodian.tell("stranger", "somebody else", COIN, "final")
    house.custodian.tell("a", house.address, COIN, "pending")
    assert house.collect() == 1
    assert (house.deposits(), house.balance()) == ({"a": "seen"}, (0, 0))
    for _ in range(3):
        house.custodian.tell("a", house.address, COIN, "final")
    house.collect()
    house.collect()
    assert (house.deposits(), house.balance()) == ({"a": "credited"}, (COIN, 0))
    house.custodian.tell("b", house.address, COIN, "pending")
    house.custodian.tell("b", house.address, COIN, "failed")
    house.collect()
    assert house.balance() == (COIN, 0)
    assert house.standing() == set()


@pytest.mark.parametrize("spent", [True, False])
def test_what_was_credited_early_and_never_came_is_taken_back(house: House, *, spent: bool) -> None:
    house.custodian.credits_pending = True
    house.custodian.tell("a", house.address, 2 * COIN, "pending")
    house.collect()
    assert house.balance() == (2 * COIN, 0)
    if spent:
        house.withdraw()
    house.custodian.tell("a", house.address, 2 * COIN, "failed")
    house.collect()
    assert house.deposits() == {"a": "replaced"}
    assert house.balance()[0] == (COIN - 1_000 if spent else 0)
    assert ("deposit_undone_after_spending" in house.standing()) is spent
    house.custodian.tell("a", house.address, 2 * COIN, "final")
    house.collect()
    assert house.deposits() == {"a": "credited"}
    assert house.balance()[0] == (COIN - 1_000 if spent else 2 * COIN)
    assert house.standing() == set()

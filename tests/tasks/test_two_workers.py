"""Two workers at the same task at the same moment: what one does, the other leaves alone."""

from dataclasses import replace

import pytest

from domain.ports import understands_descriptors
from models.chain import DepositAddress
from models.deposit import Deposit, FundingObservation
from models.payout import Payout
from models.work import OutboxMessage
from services import addresses
from tasks.addresses import refill_chain
from tasks.app import app
from tasks.outbox import relay_promises
from tasks.payouts import bump_chain
from tests.rail import BY, COIN, Rail
from tests.services import outgoing, world
from tests.services.threads import at_once
from wiring.container import build_container


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


@pytest.fixture
def other(rail: Rail) -> Rail:
    """The same rail in another worker: a container of its own, on the same database and node."""
    container = build_container(rail.container.settings)
    chain = container.chains[rail.chain.rail.chain]
    assert understands_descriptors(chain)
    return replace(rail, container=container, chain=chain)


def test_two_watchers_see_and_credit_each_deposit_once(rail: Rail, other: Rail) -> None:
    users = [rail.new_user() for _ in range(6)]
    for round_ in range(3):
        for user_id in users[2 * round_ : 2 * round_ + 2]:
            rail.send_to(rail.new_address(user_id).address, COIN // 10)
        at_once(rail.watch, other.watch)
        rail.mine()
        at_once(rail.watch, other.watch, rail.credit, other.credit)
    rail.watch()
    assert rail.count(Deposit) == 6
    assert [rail.balance(user_id) for user_id in users] == [(COIN // 10, 0)] * 6
    statuses = [status for deposit in rail.rows(Deposit) for _, status, _ in world.observed(rail, deposit.id)]
    assert statuses.count("credited") == 6
    assert rail.count(FundingObservation) == len(statuses)
    rail.assert_sound()


def test_two_workers_at_every_task_of_a_withdrawal_send_and_settle_it_once(rail: Rail, other: Rail) -> None:
    user_id = outgoing.funded(rail, 3 * COIN, parts=3)
    asked = [rail.request(user_id, COIN // 10) for _ in range(3)]
    at_once(rail.pay, other.pay, rail.send, other.send)
    rail.watch()
    world.travel(rail, outgoing.A_WHILE)
    world.travel(other, outgoing.A_WHILE)
    at_once(rail.pay, other.pay)
    at_once(rail.send, other.send)
    at_once(
        lambda: bump_chain(rail.container, rail.chain, BY),
        lambda: bump_chain(other.container, other.chain, BY),
    )
    rail.mine()
    at_once(rail.watch, other.watch, rail.settle, other.settle)
    rail.watch()
    for withdrawal in asked:
        assert outgoing.sent_once(rail, withdrawal.destination, withdrawal.amount_minor)
    assert {payout.state for payout in rail.rows(Payout)} == {"completed"}
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_two_raisers_of_a_fee_store_one_dearer_form(rail: Rail, other: Rail) -> None:
    rail.request(outgoing.funded(rail), COIN // 10)
    rail.pay()
    at_once(lambda: outgoing.bump(rail), lambda: outgoing.bump(other))
    assert len(outgoing.forms(rail)) in {2, 3}  # two operators may each have got a form of their own, one after another
    rail.mine()
    rail.watch()
    assert rail.withdrawal().state == "completed"
    assert outgoing.sent_once(rail, rail.withdrawal().destination, COIN // 10)
    assert rail.compare() == "ok"


def test_two_refillers_keep_the_pool_within_bounds(rail: Rail, other: Rail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "POOL_TARGET", 30)
    monkeypatch.setattr(addresses, "POOL_LOW", 20)
    at_once(
        lambda: refill_chain(rail.container, rail.chain),
        lambda: refill_chain(other.container, other.chain),
    )
    assert 30 <= rail.count(DepositAddress) <= 2 * 30
    assert refill_chain(rail.container, rail.chain) == 0


def test_two_relays_tell_each_promise_once(rail: Rail, other: Rail, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda name, **_: told.append(name))
    for _ in range(3):
        rail.new_address(rail.new_user())
    for worker in (rail, other):
        world.travel(worker, outgoing.A_WHILE)
    relayed = at_once(lambda: relay_promises(rail.container), lambda: relay_promises(other.container))
    assert sum(relayed) == 3
    assert told.count("addresses.refill") in {1, 2}  # the same promises in one batch are told once
    assert rail.count(OutboxMessage) == 0

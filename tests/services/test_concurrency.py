"""Many at once: limits and balances hold exactly, and nothing is done twice."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import update

from domain.errors import StrongroomError
from domain.flows import WrongState
from models.deposit import Deposit
from models.payout import Payout
from models.withdrawal import Withdrawal
from tests.rail import COIN, Rail
from tests.services import outgoing, world
from tests.services.outgoing import AUTO, FEE
from tests.services.threads import at_once, shared_among

WORKERS = 16


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def answer(work: Callable[[], object]) -> str:
    """What became of a request: "accepted", or the code of its refusal."""
    try:
        work()
    except StrongroomError as refusal:
        return refusal.code
    return "accepted"


def many(rail: Rail, user_ids: list[UUID], amount_minor: int) -> dict[str, int]:
    destination = rail.outside_address()
    works = [partial(answer, partial(rail.request, user_id, amount_minor, destination)) for user_id in user_ids]
    answers = shared_among(WORKERS, works)
    return {code: answers.count(code) for code in set(answers)}


def test_a_thousand_simultaneous_requests_on_one_balance_leave_exactly_the_right_number_accepted(rail: Rail) -> None:
    amount = COIN // 100
    user_id = outgoing.funded(rail, 37 * (amount + FEE) + FEE)
    assert many(rail, [user_id] * 1000, amount) == {"accepted": 37, "insufficient_funds": 963}
    assert rail.balance(user_id) == (FEE, 37 * (amount + FEE))
    assert rail.count(Withdrawal) == 37
    rail.assert_sound()


def test_the_daily_limit_of_a_user_is_exact_under_concurrency(rail: Rail) -> None:
    amount = COIN // 100
    world.set_policy(rail, daily_user_limit_minor=7 * amount)
    user_id = outgoing.funded(rail)
    assert many(rail, [user_id] * 60, amount) == {"accepted": 7, "daily_limit_exceeded": 53}
    assert rail.balance(user_id)[1] == 7 * (amount + FEE)


def test_the_daily_limit_of_the_house_is_exact_under_concurrency(rail: Rail) -> None:
    amount = COIN // 100
    world.set_policy(rail, daily_system_limit_minor=13 * amount)
    world.stop_the_clock(rail)
    users = [outgoing.funded(rail) for _ in range(4)]
    assert many(rail, users * 15, amount) == {"accepted": 13, "system_limit_exceeded": 47}
    assert sum(rail.balance(user_id)[1] for user_id in users) == 13 * (amount + FEE)


def test_two_approvers_at_once_are_two_and_one_approver_twice_is_one(rail: Rail) -> None:
    user_id = outgoing.funded(rail, 4 * COIN)
    withdrawal, other = rail.request(user_id, COIN), rail.request(user_id, COIN)
    approver = rail.new_user()
    twice = partial(answer, lambda: outgoing.approve(rail, withdrawal.id, approver))
    assert sorted(at_once(twice, twice)) == ["accepted", "already_decided"]
    assert outgoing.one(rail, withdrawal.id).state == "pending_approval"
    first, second = rail.new_user(), rail.new_user()
    at_once(
        lambda: outgoing.approve(rail, other.id, first),
        lambda: outgoing.approve(rail, other.id, second),
    )
    assert outgoing.one(rail, other.id).state == "approved"


def test_a_withdrawal_is_either_approved_or_cancelled_when_both_come_at_once(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    for _ in range(5):
        withdrawal = rail.request(user_id, AUTO + 1)
        at_once(
            partial(answer, partial(outgoing.cancel, rail, withdrawal)),
            partial(answer, partial(outgoing.approve, rail, withdrawal.id)),
        )
        found = outgoing.one(rail, withdrawal.id)
        assert found.state in {"cancelled", "approved"}
        if found.state == "approved":
            outgoing.cancel(rail, withdrawal)
    assert rail.balance(user_id) == (2 * COIN, 0)
    rail.assert_sound()


def test_cancelling_and_paying_at_once_leaves_one_of_both(rail: Rail) -> None:
    user_id = outgoing.funded(rail, 4 * COIN, parts=4)
    for _ in range(4):
        withdrawal = rail.request(user_id, AUTO)
        outcomes = at_once(partial(answer, partial(outgoing.cancel, rail, withdrawal)), partial(answer, rail.pay))
        found = outgoing.one(rail, withdrawal.id)
        paid = rail.received(withdrawal.destination)
        if found.state == "cancelled":
            assert (outcomes[0], paid) == ("accepted", 0)
        else:
            assert (found.state, outcomes[0], paid) == ("broadcast", WrongState.code, AUTO)
        rail.mine()
        rail.watch()
    rail.assert_sound()
    assert rail.compare() == "ok"


def test_two_payers_pay_each_withdrawal_once(rail: Rail) -> None:
    user_id = outgoing.funded(rail, 4 * COIN, parts=4)
    asked = [rail.request(user_id, COIN // 100) for _ in range(6)]
    at_once(rail.pay, rail.pay)
    world.travel(rail, outgoing.A_WHILE)
    at_once(rail.pay, rail.pay)
    at_once(rail.send, rail.send)
    rail.mine()
    at_once(rail.watch, rail.watch)
    for withdrawal in asked:
        assert outgoing.sent_once(rail, withdrawal.destination, withdrawal.amount_minor)
    assert {payout.state for payout in rail.rows(Payout)} == {"completed"}
    rail.assert_sound()


def test_two_settlers_settle_once(rail: Rail) -> None:
    world.set_policy(rail, confirmations=2)
    user_id = outgoing.funded(rail, 4 * COIN, parts=2)
    rail.request(user_id, AUTO)
    rail.pay()
    rail.mine()
    rail.watch()
    world.set_policy(rail, confirmations=1)
    assert sorted(at_once(rail.settle, rail.settle, rail.settle)) == [0, 0, 1]
    assert rail.withdrawal().state == "completed"
    rail.assert_sound()


def test_two_crediters_credit_once(rail: Rail) -> None:
    world.set_asset(rail, confirmation_tiers=[[None, 2]])
    users = [rail.new_user() for _ in range(5)]
    for user_id in users:
        rail.send_to(rail.new_address(user_id).address, COIN // 10)
    rail.mine()
    rail.watch()
    rail.mine()
    with rail.container.transaction() as session:
        session.execute(update(Deposit).values(confirmations_needed=1))
    assert sorted(at_once(rail.credit, rail.credit, rail.credit)) == [0, 0, 5]
    assert [rail.balance(user_id) for user_id in users] == [(COIN // 10, 0)] * 5
    rail.assert_sound()

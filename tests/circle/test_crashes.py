"""Processes that die at any marked step while they deal with Circle: one credit, one transfer."""

import signal
from collections.abc import Iterator

import pytest

from models.payout import Payout
from tests.circle.house import FEE, USDC, House
from tests.dying import die_at
from tests.fakes.circle import FakeCircle

KILLED = -signal.SIGKILL

OF_A_DEPOSIT = (
    "deposit.block_read",
    "deposit.block_recording",
    "deposit.block_recorded",
    "deposit.crediting",
    "deposit.credited",
)
OF_A_PAYMENT = (
    "withdrawal.claimed",
    "withdrawal.built",
    "withdrawal.storing",
    "withdrawal.signed",
    "withdrawal.sending",
    "withdrawal.broadcast",
    "withdrawal.settling",
    "withdrawal.settled",
)


@pytest.fixture(autouse=True)
def sound(house: House) -> Iterator[None]:
    yield
    assert house.standing() == set()
    assert house.compare() == "ok"


@pytest.mark.parametrize("crash_at", OF_A_DEPOSIT)
def test_a_deposit_is_credited_once_whenever_its_collector_dies(
    house: House, circle: FakeCircle, crash_at: str
) -> None:
    user_id = house.user()
    circle.arrives(house.address(user_id), "40.00")
    assert die_at(house.container, "collect", crash_at) == KILLED
    house.sweep()
    house.sweep()
    assert house.balance(user_id) == (40 * USDC, 0)


@pytest.mark.parametrize("crash_at", OF_A_PAYMENT)
def test_a_withdrawal_is_asked_for_once_whenever_its_payer_dies(
    house: House, circle: FakeCircle, crash_at: str
) -> None:
    user_id = house.funded()
    house.withdraw(user_id)
    assert die_at(house.container, "ask", crash_at) == KILLED
    house.sweep()
    [transfer] = circle.outgoing()
    circle.decides(transfer["id"], "complete")
    house.sweep()
    assert (house.withdrawal().state, house.count(Payout), len(circle.outgoing())) == ("completed", 1, 1)
    assert house.balance(user_id) == (480 * USDC - FEE, 0)


@pytest.mark.parametrize("crash_at", ["withdrawal.sending", "withdrawal.settling", "withdrawal.settled"])
def test_a_withdrawal_is_settled_once_whenever_its_follower_dies(
    house: House, circle: FakeCircle, crash_at: str
) -> None:
    user_id = house.funded()
    house.withdraw(user_id)
    house.pay()
    circle.decides(circle.outgoing()[0]["id"], "complete", fee="0.25")
    # Its back-off began two seconds ago at most; the other process has no clock of ours.
    with house.container.transaction() as session:
        session.get_one(Payout, house.payout().id).due_at = None
    assert die_at(house.container, "follow", crash_at) == KILLED
    house.sweep()
    assert house.payout().fee_minor == USDC // 4
    assert house.balance(user_id) == (480 * USDC - FEE, 0)


def test_a_notification_is_acted_on_once_whenever_its_reader_dies(house: House, circle: FakeCircle) -> None:
    user_id = house.user()
    assert house.post(circle.relayed(circle.arrives(house.address(user_id), "40.00"))) == 200
    assert die_at(house.container, "process", "notification.acted") == KILLED
    house.sweep()
    assert house.process() == 0
    assert house.balance(user_id) == (40 * USDC, 0)

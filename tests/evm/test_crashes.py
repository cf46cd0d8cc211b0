"""On a chain of accounts too: a process that dies at any marked step leaves work that the next run finishes once."""

import signal
from collections.abc import Iterator

import pytest

from domain.evm.networks import WEI
from models.deposit import Deposit
from models.payout import Payout, PayoutTransaction
from models.sweep import Sweep
from models.withdrawal import Withdrawal
from services import payouts
from tests.crash.test_crashes import OF_ACCOUNTS
from tests.dying import die_at
from tests.evm import paths
from tests.evm.paths import COIN, TOKEN, UNIT, EvmRail
from tests.evm.world import STRANGER, World
from tests.rail import BY
from wiring.embedded.anvil import AnvilServer
from wiring.settings import Settings

KILLED = -signal.SIGKILL
OF_A_SWEEP = tuple(step for step in OF_ACCOUNTS if step.startswith("sweep."))
OF_A_PAYMENT = (
    "withdrawal.claimed",
    "withdrawal.built",
    "withdrawal.storing",
    "withdrawal.signed",
    "withdrawal.sending",
    "withdrawal.broadcast",
    "withdrawal.recording",
)
OF_A_DEPOSIT = (
    "deposit.block_read",
    "deposit.block_recording",
    "deposit.block_recorded",
    "deposit.crediting",
    "deposit.credited",
)
OF_A_FORK = ("deposit.rewinding", "deposit.rewound")
OF_A_BUMP = ("withdrawal.bump_built", "withdrawal.bumped")
OF_A_SETTLEMENT = ("withdrawal.settling", "withdrawal.settled")
OF_A_BACKFILL = ("deposit.backfilling",)


@pytest.fixture
def rail(settings: Settings, world: World) -> Iterator[EvmRail]:
    made = paths.make(settings, world)
    made.add_token()
    yield made
    made.evm.close()
    made.container.engine.dispose()


@pytest.mark.parametrize("crash_at", [*OF_A_SWEEP, *OF_A_PAYMENT[-3:], *OF_A_SETTLEMENT])
def test_a_coin_is_swept_once_whenever_its_sweeper_dies(rail: EvmRail, crash_at: str) -> None:
    user_id, _ = rail.paid_in(None, WEI)
    if crash_at in OF_A_SETTLEMENT:
        rail.sweep()
        rail.mine()
    assert die_at(rail.container, "watch" if crash_at in OF_A_SETTLEMENT else "sweep", crash_at) == KILLED
    rail.rounds(2)
    assert rail.the_sweep().state == "completed"
    assert rail.count(Payout) == 1
    assert rail.owns(user_id, COIN) == (WEI, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


@pytest.mark.parametrize("crash_at", ["sweep.built", "sweep.storing", "withdrawal.broadcast"])
def test_gas_is_sent_once_whenever_the_sweeper_dies(rail: EvmRail, crash_at: str) -> None:
    rail.paid_in(None, WEI)
    rail.rounds(2)
    token = rail.world.last_token
    rail.paid_in(token, 900 * UNIT)
    assert die_at(rail.container, "sweep", crash_at) == KILLED
    rail.rounds(4)
    assert sorted(payout.purpose for payout in rail.rows(Payout)) == ["gas_top_up", "sweep", "sweep"]
    assert {sweep.state for sweep in rail.rows(Sweep)} == {"completed"}
    assert rail.compare() == "ok"
    rail.assert_sound()


@pytest.mark.parametrize("crash_at", OF_A_PAYMENT)
def test_a_withdrawal_is_sent_once_whenever_its_payer_dies(rail: EvmRail, crash_at: str) -> None:
    user_id, _ = rail.paid_in(None, 2 * WEI)
    rail.rounds(2)
    before = rail.world.balance(STRANGER)
    rail.withdraw(user_id, COIN, WEI)
    assert die_at(rail.container, "pay", crash_at) == KILLED
    rail.rounds(2)
    assert [row.state for row in rail.rows(Withdrawal)] == ["completed"]
    assert rail.world.balance(STRANGER) - before == WEI
    assert rail.owns(user_id, COIN) == (WEI, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


@pytest.mark.parametrize("crash_at", OF_A_SETTLEMENT)
def test_a_withdrawal_is_settled_once_whenever_its_settler_dies(rail: EvmRail, crash_at: str) -> None:
    user_id, _ = rail.paid_in(None, 2 * WEI)
    rail.rounds(2)
    before = rail.world.balance(STRANGER)
    rail.withdraw(user_id, COIN, WEI)
    rail.pay()
    rail.mine()
    assert die_at(rail.container, "watch", crash_at) == KILLED
    rail.rounds(1)
    assert [row.state for row in rail.rows(Withdrawal)] == ["completed"]
    assert rail.world.balance(STRANGER) - before == WEI
    assert rail.owns(user_id, COIN) == (WEI, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


@pytest.mark.parametrize("crash_at", OF_A_BUMP)
def test_a_withdrawal_is_sent_once_whenever_a_raiser_of_its_fee_dies(
    rail: EvmRail, held: AnvilServer, crash_at: str
) -> None:
    user_id, _ = rail.paid_in(None, 2 * WEI)
    rail.rounds(2)
    before = rail.world.balance(STRANGER)
    rail.withdraw(user_id, COIN, WEI)
    rail.pay()
    [paid] = [row for row in rail.rows(Payout) if row.purpose == "withdrawal"]
    with rail.container.transaction() as session:
        payouts.ask_for_bump(session, paid.id, now=rail.container.now(), by=BY)
    assert die_at(rail.container, "bump", crash_at) == KILLED
    rail.watch_and_send()
    assert len([form for form in rail.rows(PayoutTransaction) if form.payout_id == paid.id]) == 2
    rail.rounds(2)
    assert [row.state for row in rail.rows(Withdrawal)] == ["completed"]
    assert rail.world.balance(STRANGER) - before == WEI
    assert rail.owns(user_id, COIN) == (WEI, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


@pytest.mark.parametrize("crash_at", OF_A_FORK)
def test_a_token_in_a_block_that_left_is_credited_once_whenever_the_reader_dies(rail: EvmRail, crash_at: str) -> None:
    token, anvil = rail.world.last_token, rail.world.anvil
    user_id = rail.new_user()
    address = rail.new_address(user_id).address
    rail.watch()
    snapshot = anvil.call("evm_snapshot")
    token.transfer(address, 5 * UNIT)
    rail.mine()
    rail.watch()
    assert rail.owns(user_id, TOKEN) == (5 * UNIT, 0)
    anvil.call("evm_revert", snapshot)
    rail.mine(3)
    assert die_at(rail.container, "watch", crash_at) == KILLED
    rail.rounds(1)
    assert rail.owns(user_id, TOKEN) == (0, 0)
    token.transfer(address, 5 * UNIT)
    rail.rounds(1)
    assert rail.owns(user_id, TOKEN) == (5 * UNIT, 0)
    rail.assert_sound()


@pytest.mark.parametrize("crash_at", OF_A_DEPOSIT)
def test_a_token_is_credited_once_whenever_its_reader_dies(rail: EvmRail, crash_at: str) -> None:
    user_id = rail.new_user()
    rail.world.last_token.transfer(rail.new_address(user_id).address, 5 * UNIT)
    assert die_at(rail.container, "watch", crash_at) == KILLED
    rail.rounds(1)
    assert rail.count(Deposit) == 1
    assert rail.owns(user_id, TOKEN) == (5 * UNIT, 0)
    rail.assert_sound()


@pytest.mark.parametrize("crash_at", OF_A_BACKFILL)
def test_what_was_missed_is_credited_once_whenever_the_second_look_dies(
    rail: EvmRail, monkeypatch: pytest.MonkeyPatch, crash_at: str
) -> None:
    user_id = rail.new_user()
    address = rail.new_address(user_id).address
    with monkeypatch.context() as patched:
        patched.setattr("services.deposits.sighting.match", lambda *_: [])
        rail.world.last_token.transfer(address, 5 * UNIT)
        rail.mine(25)
        rail.watch()
    assert die_at(rail.container, "backfill", crash_at) == KILLED
    assert rail.count(Deposit) == 0
    assert die_at(rail.container, "backfill", "") == 0
    assert rail.owns(user_id, TOKEN) == (5 * UNIT, 0)
    rail.assert_sound()

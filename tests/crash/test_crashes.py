"""A process that dies at any marked step leaves work that the next run finishes: one credit, one payment."""

import re
import signal
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import update

from models.chain import DepositAddress
from models.deposit import Deposit
from models.payout import Payout
from models.watch_wallet import WatchWallet
from models.withdrawal import Withdrawal
from models.work import OutboxMessage
from services import addresses, idempotency, payouts, screening, watch_wallets
from tasks.addresses import refill_chain
from tasks.payouts import bump_chain
from tasks.watch_wallets import derive_chain, scan_chain
from tests.dying import REQUESTED_MINOR, die_at
from tests.rail import BY, COIN, Rail
from tests.services import outgoing, world
from wiring.secret import Secret

KILLED = -signal.SIGKILL
ROOT = Path(__file__).resolve().parents[2]
DEPOSITED = COIN // 2

# Each marked step, and the step of the work in which a process passes it.
OF_A_DEPOSIT = {
    "deposit.mempool_read": "seen",
    "deposit.mempool_recording": "seen",
    "deposit.block_read": "mined",
    "deposit.block_recording": "mined",
    "deposit.block_recorded": "mined",
    "deposit.crediting": "mined",
    "deposit.credited": "mined",
    "deposit.rewinding": "forked",
    "deposit.rewound": "forked",
}
OF_A_PAYMENT = (
    "withdrawal.claimed",
    "withdrawal.built",
    "withdrawal.storing",
    "withdrawal.signed",
    "withdrawal.sending",
    "withdrawal.broadcast",
    "withdrawal.recording",
)
OF_A_SETTLEMENT = ("withdrawal.settling", "withdrawal.settled")
OF_A_BUMP = ("withdrawal.bump_built", "withdrawal.bumped")
OF_A_WATCHED_WALLET = {"watch_wallets.derived": "derive", "watch_wallets.scanned": "scan"}
OF_A_QUARANTINE = ("deposit.setting_aside", "deposit.set_aside", "deposit.releasing", "deposit.returning")
# Killed in tests/verification/test_crashes.py.
OF_A_CLAIM = ("verification.claimed", "verification.looked", "verification.recording")
# Killed in tests/conversions/test_crashes.py.
OF_A_CONVERSION = ("conversion.claimed", "conversion.settling", "conversion.settled")
# Killed in tests/services/test_losses.py, tests/circle/test_never_made.py and tests/circle/test_made_after_all.py.
OF_A_DECISION = ("loss.booking", "payout.looking_into", "payout.bearing")
OF_A_NOTIFICATION = ("notification.acted",)  # killed in tests/circle/test_crashes.py
# Exercised on a chain of accounts, in tests/evm/test_crashes.py.
OF_ACCOUNTS = (
    "sweep.proposing",
    "sweep.claimed",
    "sweep.built",
    "sweep.storing",
    "sweep.signed",
    "deposit.backfilling",
    "deposit.rereading",
)
# Killed in tests/evm/test_recovery.py.
OF_A_RECOVERY = ("recovery.booking", "recovery.booked")
# Killed in tests/webhooks/test_delivering.py, tests/mail/test_letters.py and tests/services/test_retention.py.
OF_TELLING = ("webhook.sent", "mail.sent", "flows.archiving")
OTHERS = (
    "screening.looked_up",
    "withdrawal.requested",
    "withdrawal.accepted",
    "conversion.requested",
    "addresses.made",
    "outbox.relayed",
)


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def sweep(rail: Rail) -> None:
    """What beat has workers do, after every lease and back-off has passed."""
    world.travel(rail, timedelta(minutes=11))
    rail.watch()
    rail.credit()
    rail.pay()
    rail.send()
    bump_chain(rail.container, rail.chain, BY)
    rail.settle()


def sweep_and_mine(rail: Rail) -> None:
    sweep(rail)
    rail.mine()
    sweep(rail)


def test_every_marked_step_is_exercised() -> None:
    marked = {
        name
        for layer in ("tasks", "services", "adapters", "api", "auth", "cli", "wiring", "models", "domain")
        for source in (ROOT / layer).rglob("*.py")
        for name in re.findall(r'crash_point\("([^"]+)"\)', source.read_text())
    }
    assert marked == {
        *OF_A_DEPOSIT,
        *OF_A_PAYMENT,
        *OF_A_SETTLEMENT,
        *OF_A_BUMP,
        *OF_A_WATCHED_WALLET,
        *OF_A_QUARANTINE,
        *OF_ACCOUNTS,
        *OF_A_CLAIM,
        *OF_A_CONVERSION,
        *OF_A_DECISION,
        *OF_A_NOTIFICATION,
        *OF_A_RECOVERY,
        *OF_TELLING,
        *OTHERS,
    }


@pytest.mark.parametrize(("crash_at", "moment"), OF_A_DEPOSIT.items())
def test_a_deposit_is_credited_once_whenever_its_reader_dies(rail: Rail, crash_at: str, moment: str) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, DEPOSITED)
    if moment != "seen":
        rail.mine()
    if moment == "forked":
        rail.watch()
        world.fork(rail, 1, txid)
    assert die_at(rail.container, "watch", crash_at) == KILLED
    sweep_and_mine(rail)
    assert rail.count(Deposit) == 1
    assert rail.deposit().state == "credited"
    assert rail.balance(user_id) == (DEPOSITED, 0)
    assert rail.compare() == "ok"
    assert world.standing(rail) == {}
    rail.assert_sound()


def test_a_sender_is_looked_at_again_whoever_dies(rail: Rail) -> None:
    with rail.container.transaction() as session:
        screening.set_mode(session, rail.chain.rail.chain, "list", now=rail.container.now(), by=BY)
    user_id = rail.new_user()
    rail.send_to(rail.new_address(user_id).address, DEPOSITED)
    rail.mine(6)
    sweep(rail)
    assert die_at(rail.container, "screen", "screening.looked_up") == KILLED
    sweep(rail)
    assert rail.balance(user_id) == (0, 0)
    assert die_at(rail.container, "screen", "") == 0
    sweep(rail)
    assert rail.balance(user_id) == (DEPOSITED, 0)
    rail.assert_sound()


def paid_once(rail: Rail, withdrawal: Withdrawal) -> None:
    assert rail.withdrawal().state == "completed"
    assert rail.count(Payout) == 1
    assert outgoing.sent_once(rail, withdrawal.destination, withdrawal.amount_minor)
    assert rail.balance(withdrawal.user_id) == (2 * COIN - withdrawal.amount_minor - withdrawal.fee_minor, 0)
    assert rail.compare() == "ok"
    assert world.standing(rail) == {}
    rail.assert_sound()


@pytest.mark.parametrize("crash_at", OF_A_PAYMENT)
def test_a_withdrawal_is_sent_once_whenever_its_payer_dies(rail: Rail, crash_at: str) -> None:
    withdrawal = rail.request(outgoing.funded(rail), REQUESTED_MINOR)
    assert die_at(rail.container, "pay", crash_at) == KILLED
    sweep_and_mine(rail)
    paid_once(rail, withdrawal)


@pytest.mark.parametrize("crash_at", OF_A_SETTLEMENT)
def test_a_withdrawal_is_settled_once_whenever_its_settler_dies(rail: Rail, crash_at: str) -> None:
    withdrawal = rail.request(outgoing.funded(rail), REQUESTED_MINOR)
    rail.pay()
    rail.mine()
    assert die_at(rail.container, "watch", crash_at) == KILLED
    sweep(rail)
    paid_once(rail, withdrawal)


@pytest.mark.parametrize("crash_at", OF_A_BUMP)
def test_a_withdrawal_is_sent_once_whenever_a_raiser_of_its_fee_dies(rail: Rail, crash_at: str) -> None:
    withdrawal = rail.request(outgoing.funded(rail), REQUESTED_MINOR)
    rail.pay()
    with rail.container.transaction() as session:
        payouts.ask_for_bump(session, rail.payout().id, now=rail.container.now(), by=BY)
    assert die_at(rail.container, "bump", crash_at) == KILLED
    sweep(rail)
    assert len(outgoing.forms(rail)) == 2
    assert outgoing.forms(rail)[1].txid in rail.node.call("getrawmempool")
    sweep_and_mine(rail)
    paid_once(rail, withdrawal)


def test_a_request_that_dies_before_its_commit_never_happened(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    destination = rail.outside_address()
    facts = (str(user_id), rail.asset_id, destination)
    assert die_at(rail.container, "request", "withdrawal.requested", *facts) == KILLED
    assert rail.count(Withdrawal) == 0
    assert rail.balance(user_id) == (2 * COIN, 0)
    assert die_at(rail.container, "request", "", *facts) == 0
    sweep_and_mine(rail)
    paid_once(rail, rail.withdrawal())


def test_a_request_whose_asker_dies_after_the_commit_is_accepted_once_and_answered_when_it_is_repeated(
    rail: Rail,
) -> None:
    user_id = outgoing.funded(rail)
    destination = rail.outside_address()
    facts = (str(user_id), rail.asset_id, destination)
    assert die_at(rail.container, "accept", "withdrawal.accepted", *facts) == KILLED
    assert die_at(rail.container, "accept", "", *facts) == 0
    withdrawal = rail.withdrawal()
    with rail.container.reading() as session:
        asked = idempotency.asked(user_id, "once", {"destination": destination})
        answer = idempotency.earlier(session, asked)
    assert answer is not None
    assert answer.body == {"id": str(withdrawal.id)}
    sweep_and_mine(rail)
    paid_once(rail, withdrawal)


def test_addresses_lost_by_a_dead_process_are_made_again(rail: Rail, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rail.count(DepositAddress)
    monkeypatch.setattr(addresses, "POOL_TARGET", 2 * before)
    assert die_at(rail.container, "refill", "addresses.made") == KILLED
    assert rail.count(DepositAddress) == before
    refill_chain(rail.container, rail.chain)
    assert rail.count(DepositAddress) == addresses.POOL_TARGET


@pytest.mark.parametrize(("crash_at", "step"), OF_A_WATCHED_WALLET.items())
def test_a_watched_wallet_is_derived_and_scanned_whoever_dies(rail: Rail, crash_at: str, step: str) -> None:
    address = rail.outside_address()
    rail.send_to(address, DEPOSITED)
    rail.mine()
    with rail.container.transaction() as session:
        watch_wallets.import_descriptor(
            session,
            user_id=rail.new_user(),
            network=rail.chain.network,
            text=f"addr({address})",
            indexes=None,
            label="",
            now=rail.container.now(),
            by=BY,
        )
    if step == "scan":
        derive_chain(rail.container, rail.chain, BY)
    assert die_at(rail.container, step, crash_at) == KILLED
    assert scan_chain(rail.container, rail.chain) is None  # the lease of the dead still holds
    world.travel(rail, timedelta(minutes=11))
    derive_chain(rail.container, rail.chain, BY)
    assert scan_chain(rail.container, rail.chain) == 1
    [wallet] = rail.rows(WatchWallet)
    assert (wallet.state, wallet.address_count) == ("ready", 1)
    assert (wallet.balance_minor, wallet.balance_outputs) == (DEPOSITED, 1)


def test_promises_relayed_by_a_dead_process_are_relayed_again(rail: Rail, redis_url: Secret) -> None:
    rail.new_address(rail.new_user())
    change(rail, created_at=rail.container.now() - timedelta(seconds=5))
    with closing(Redis.from_url(redis_url.reveal())) as broker:
        broker.flushdb()
        assert die_at(rail.container, "relay", "outbox.relayed") == KILLED
        assert rail.count(OutboxMessage) == 1
        change(rail, lease_until=None)
        assert die_at(rail.container, "relay", "") == 0
        assert rail.count(OutboxMessage) == 0
        assert broker.llen("strongroom:upkeep") == 2  # told twice, which is harmless


def change(rail: Rail, **values: Any) -> None:
    with rail.container.transaction() as session:
        session.execute(update(OutboxMessage).values(**values))

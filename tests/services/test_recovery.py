"""A database restored from a dump that is older than the last payments: what left is found and not sent again."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from cli.recover import recover
from domain.flows import WrongState
from domain.wallet_facts import SentTransaction
from models.asset import WithdrawalPolicy
from models.chain import DepositAddress
from models.payout import Payout
from models.withdrawal import Withdrawal
from services import addresses, assets, ledger, payouts
from services.payouts.following import CONFLICT_FINAL
from tasks.addresses import refill_chain
from tests.databases import Database
from tests.rail import BY, COIN, POOL, Rail
from tests.services import outgoing, world
from wiring.embedded import postgres
from wiring.environ import to_environ

AMOUNT = COIN // 20
Restore = Callable[[], None]


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


@pytest.fixture
def dump(rail: Rail, own_database: Database, tmp_path: Path) -> Callable[[], Restore]:
    """Take a dump; what comes back restores it, as an operator would."""

    def take() -> Restore:
        file, url = tmp_path / "dump", own_database.superuser_url.reveal()
        tools = postgres.install_directory() / "bin"
        subprocess.run([tools / "pg_dump", "-Fc", "-f", file, "-d", url], check=True)

        def restore() -> None:
            rail.container.engine.dispose()
            subprocess.run([tools / "pg_restore", "--clean", "--if-exists", "-d", url, file], check=True)

        return restore

    return take


@pytest.fixture
def command(rail: Rail, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The operator's command on this rail; a refusal fails the test unless it is said to be expected."""
    for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
        monkeypatch.delenv(name)
    for name, value in to_environ(rail.container.settings).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(recover, arguments)
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    return run


def sent(rail: Rail) -> list[SentTransaction]:
    return rail.chain.sent_since(0)


def unbooked(rail: Rail) -> list[SentTransaction]:
    found = sent(rail)
    with rail.container.reading() as session:
        return payouts.unbooked(session, rail.chain.network.chain, found)


def resume(rail: Rail) -> None:
    with rail.container.transaction() as session:
        session.execute(update(WithdrawalPolicy).values(paused=False))


def clear_alert(rail: Rail, withdrawal: Withdrawal) -> None:
    """Sent once, settled, and nothing left to explain."""
    assert outgoing.one(rail, withdrawal.id).state == "completed"
    assert outgoing.sent_once(rail, withdrawal.destination, withdrawal.amount_minor)
    assert rail.balance(withdrawal.user_id) == (2 * COIN - withdrawal.amount_minor - withdrawal.fee_minor, 0)
    assert rail.compare() == "ok"
    assert world.standing(rail) == {}
    rail.assert_sound()


def test_a_withdrawal_that_left_after_the_dump_is_found_booked_and_not_paid_again(
    rail: Rail, dump: Callable[[], Restore], command: Callable[..., str]
) -> None:
    withdrawal = rail.request(outgoing.funded(rail, parts=4), AMOUNT)
    restore = dump()
    rail.pay()
    txid = outgoing.forms(rail)[0].txid
    rail.mine(2)
    restore()
    assert (rail.withdrawal().state, rail.count(Payout)) == ("approved", 0)
    shown = command("look", code=1)
    assert txid in shown
    assert str(withdrawal.id) in shown
    rail.watch()  # a worker that starts all the same sends nothing: withdrawals are paused
    assert rail.pay() == 0
    command("book", txid)
    assert "Every payment" in command("look")
    command("book", txid, code=1)
    resume(rail)
    rail.pay()
    rail.send()
    rail.mine()
    rail.watch()
    clear_alert(rail, withdrawal)


def test_one_that_is_in_no_block_yet_and_waited_for_approval_in_the_dump_is_followed_to_its_end(
    rail: Rail, dump: Callable[[], Restore], command: Callable[..., str]
) -> None:
    withdrawal = rail.request(outgoing.funded(rail, parts=4), COIN // 5)
    restore = dump()
    outgoing.approve(rail, withdrawal.id)
    rail.pay()
    txid = outgoing.forms(rail)[0].txid
    restore()
    assert rail.withdrawal().state == "pending_approval"
    command("book", txid, "--withdrawal", str(withdrawal.id))
    assert rail.withdrawal().state == "broadcast"
    rail.mine()
    rail.watch()
    clear_alert(rail, withdrawal)


def test_a_fee_bump_made_after_the_dump_is_another_form_and_no_proof_of_failure(
    rail: Rail, dump: Callable[[], Restore], command: Callable[..., str]
) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AMOUNT)
    rail.pay()
    restore = dump()
    assert outgoing.bump(rail) == 1
    rail.send()
    txid = outgoing.forms(rail)[1].txid
    rail.mine()
    restore()
    rail.watch()  # takes the second form for a stranger that spent its inputs
    assert rail.withdrawal().state == "uncertain"
    assert str(withdrawal.id) in command("look", code=1)
    command("book", txid)
    resume(rail)
    rail.watch()
    rail.settle()
    clear_alert(rail, withdrawal)


def test_what_no_withdrawal_explains_is_charged_once_to_its_user_or_to_the_house(
    rail: Rail, dump: Callable[[], Restore], command: Callable[..., str]
) -> None:
    user_id = outgoing.funded(rail, parts=4)
    restore = dump()
    rail.request(user_id, AMOUNT)
    rail.pay()
    rail.request(user_id, 2 * AMOUNT)
    rail.pay()
    rail.mine()
    restore()
    rail.watch()
    first, second = sorted(unbooked(rail), key=lambda row: row.outputs[0].amount_minor)
    command("book", first.txid, code=1)
    command("charge", first.txid, "--reason", "asked for after the dump", "--user", str(user_id))
    command("charge", second.txid, "--reason", "nobody knows")
    command("charge", second.txid, "--reason", "again", code=1)
    assert unbooked(rail) == []
    assert rail.balance(user_id) == (2 * COIN - AMOUNT, 0)
    with rail.container.reading() as session:
        assert ledger.system_balance(session, "unexplained_payments", rail.asset_id) == 2 * AMOUNT
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_a_payment_is_booked_only_for_exactly_what_it_paid_and_only_when_final(rail: Rail) -> None:
    user_id = outgoing.funded(rail, parts=4)
    asked, other = rail.request(user_id, AMOUNT), rail.request(user_id, AMOUNT)
    spelled = rail.spell(AMOUNT)
    txid = rail.node.call("sendtoaddress", asked.destination, spelled, wallet=outgoing.hot_wallet(rail))
    rail.node.call("sendtoaddress", rail.chain.new_addresses(1)[0].address, spelled, wallet=outgoing.hot_wallet(rail))
    [stray] = unbooked(rail)  # what went to the wallet itself is nothing to explain
    assert stray.txid == txid

    def adopt(*withdrawal_ids: UUID) -> None:
        with rail.container.transaction() as session:
            payouts.adopt(session, rail.chain.network.chain, stray, withdrawal_ids, now=rail.container.now(), by=BY)

    for wrong in ((), (other.id,), (asked.id, other.id)):
        with pytest.raises(payouts.NotThesePayments):
            adopt(*wrong)
    with rail.container.reading() as session:
        claimed = payouts.claimants(session, rail.chain.network.chain, stray)
        assert [row.id for row in claimed] == [asked.id]
        asset = assets.get(session, rail.asset_id)
    with pytest.raises(WrongState), rail.container.transaction() as session:
        payouts.charge(session, asset, stray, user_id=None, reason="early", now=rail.container.now(), by=BY)
    adopt(asked.id)
    with rail.container.reading() as session:
        states = {row.id: row.state for row in session.scalars(select(Withdrawal))}
    assert states == {asked.id: "broadcast", other.id: "approved"}
    with pytest.raises(payouts.AlreadyBooked):
        adopt(asked.id)


def test_what_made_a_payment_impossible_can_be_charged_and_what_it_left_be_spent(rail: Rail) -> None:
    world.set_policy(rail, auto_limit_minor=10 * COIN)
    user_id = outgoing.funded(rail, 2 * COIN, parts=2)
    rail.request(user_id, COIN + AMOUNT)
    with world.reached_at(rail, outgoing.gone_at_broadcast(rail)):
        rail.pay()
    [form] = outgoing.forms(rail)
    assert len(form.inputs) == 2
    taken = rail.node.call("decoderawtransaction", form.raw_tx)["vin"][0]
    spent = [{"txid": taken["txid"], "vout": taken["vout"]}]
    unsigned = rail.node.call("createrawtransaction", spent, {rail.outside_address(): rail.spell(COIN - world.FEE)})
    signed = rail.node.call("signrawtransactionwithwallet", unsigned, wallet=outgoing.hot_wallet(rail))
    world.mine_holding(rail, signed["hex"], count=CONFLICT_FINAL)
    rail.watch()
    assert rail.payout().state == "failed"
    [stray] = unbooked(rail)
    with rail.container.transaction() as session:
        asset = assets.get(session, rail.asset_id)
        payouts.charge(session, asset, stray, user_id=None, reason="stolen", now=rail.container.now(), by=BY)
    assert rail.compare() == "ok"
    rail.request(user_id, AMOUNT)
    assert rail.pay() == 1
    rail.mine()
    rail.watch()
    assert rail.balance(user_id) == (2 * COIN - AMOUNT - outgoing.FEE, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_an_address_that_was_given_out_after_the_dump_is_given_to_nobody_else(
    rail: Rail, dump: Callable[[], Restore], command: Callable[..., str]
) -> None:
    restore = dump()
    theirs = rail.new_address(rail.new_user()).address
    restore()
    before = rail.count(DepositAddress)
    assert str(before) in command("addresses")
    other = rail.new_user()
    with pytest.raises(addresses.AddressPoolEmpty):
        rail.new_address(other)
    refill_chain(rail.container, rail.chain)
    assert theirs not in {rail.new_address(other).address for _ in range(POOL)}
    assert rail.count(DepositAddress) == before + addresses.POOL_TARGET

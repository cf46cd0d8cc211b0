"""Payments of accounts that are replaced: sped up, cancelled, overtaken by a stranger, or reverted."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import update

from cli.recover import retire
from cli.recover_account import look_at_account
from domain.evm.networks import WEI
from domain.wallet_facts import Payment
from models.chain import ChainCursor
from models.deposit import Deposit
from models.payout import Payout
from models.withdrawal import Withdrawal
from services import addresses, alerts, payouts
from services.alerts import handling
from tasks.backfilling import backfill_chain
from tasks.payouts import bump_chain
from tests.evm import paths
from tests.evm.between import Between, Forward, HungUp
from tests.evm.paths import COIN, TOKEN, UNIT, EvmRail
from tests.evm.test_sweeps import frozen
from tests.evm.world import ANVIL, CAP, STRANGER, World
from tests.rail import BY, POOL
from tests.services import world as ways
from tests.services.threads import at_once
from wiring.embedded.anvil import AnvilServer
from wiring.settings import Settings


@pytest.fixture
def rail(settings: Settings, world: World) -> Iterator[EvmRail]:
    made = paths.make(settings, world)
    yield made
    made.evm.close()
    made.container.engine.dispose()


def funded(rail: EvmRail, amount_minor: int = 2 * WEI, extra: int = WEI) -> tuple[Withdrawal, AnvilServer]:
    """A withdrawal of half of what a user paid in, signed and offered to a chain that makes no block yet."""
    rail.add_token()
    user_id, _ = rail.paid_in(None, amount_minor)
    rail.fund_hot(amount_minor + extra)
    anvil = rail.world.anvil
    asked = rail.withdraw(user_id, COIN, amount_minor // 2)
    anvil.mines_at_once = False
    rail.pay()
    anvil.mines_at_once = True
    return asked, anvil


def replaced(rail: EvmRail, *, cancel: bool) -> None:
    with rail.container.transaction() as session:
        ask = payouts.ask_for_cancel if cancel else payouts.ask_for_bump
        ask(session, rail.rows(Payout)[0].id, now=rail.container.now(), by=BY)
    ways.travel(rail, paths.A_WHILE)
    assert bump_chain(rail.container, rail.chain, BY) == 1


def one(rail: EvmRail, withdrawal: Withdrawal) -> Withdrawal:
    with rail.container.reading() as session:
        return session.get_one(Withdrawal, withdrawal.id)


def forms(rail: EvmRail) -> list[bool]:
    with rail.container.reading() as session:
        return [form.is_cancellation for form in payouts.forms_of(session, rail.payout().id)]


def finish(rail: EvmRail) -> None:
    rail.mine()
    rail.watch()
    rail.settle()


@pytest.mark.parametrize("cancel", [False, True], ids=["sped up", "cancelled"])
def test_a_payment_that_waits_is_replaced_and_the_block_decides(rail: EvmRail, *, cancel: bool) -> None:
    asked, _ = funded(rail)
    held = rail.owns(asked.user_id, COIN)
    before = rail.world.balance(STRANGER)
    replaced(rail, cancel=cancel)
    assert forms(rail) == [False, cancel]
    assert one(rail, asked).state == "broadcast"
    assert rail.owns(asked.user_id, COIN) == held
    finish(rail)
    assert rail.payout().void_because == ("cancelled" if cancel else None)
    assert one(rail, asked).state == ("failed" if cancel else "completed")
    assert rail.world.balance(STRANGER) - before == (0 if cancel else WEI)
    assert rail.owns(asked.user_id, COIN) == ((2 if cancel else 1) * WEI, 0)
    rail.assert_sound()


def test_a_cancelled_payment_that_is_sped_up_stays_cancelled(rail: EvmRail) -> None:
    asked, _ = funded(rail)
    replaced(rail, cancel=True)
    replaced(rail, cancel=False)
    assert forms(rail) == [False, True, True]
    finish(rail)
    assert one(rail, asked).state == "failed"


def test_a_sweep_can_be_cancelled_and_is_done_anew(rail: EvmRail) -> None:
    rail.add_token()
    rail.paid_in(None, WEI)
    rail.watch()
    assert rail.sweep() == 1
    replaced(rail, cancel=True)
    finish(rail)
    assert rail.the_sweep().state == "failed"
    rail.rounds(2)
    assert {payout.state for payout in rail.rows(Payout)} == {"failed", "completed"}


def test_a_payment_whose_answer_is_lost_is_uncertain_and_sent_once(
    settings: Settings, world: World, between: Callable[[], Between]
) -> None:
    bad = between()
    rail = paths.make(settings, world, bad.url)
    before = world.balance(STRANGER)

    def lose(params: list[object], forward: Callable[..., object]) -> dict[str, object]:
        forward("eth_sendRawTransaction", params)
        raise HungUp

    bad.rules["eth_sendRawTransaction"] = lose
    asked, _ = funded(rail)
    assert one(rail, asked).state == "uncertain"
    assert rail.owns(asked.user_id, COIN)[1] == WEI
    bad.rules.clear()
    rail.watch_and_send()
    finish(rail)
    assert one(rail, asked).state == "completed"
    assert world.balance(STRANGER) - before == WEI
    rail.evm.close()
    rail.container.engine.dispose()


def test_a_payment_whose_nonce_a_stranger_used_fails_once_that_is_final(rail: EvmRail) -> None:
    asked, anvil = funded(rail)
    # Somebody else has the key.
    stolen = rail.evm.build([Payment(STRANGER, 1)], fee_max_minor=CAP, avoid=())
    anvil.call("anvil_dropAllTransactions")
    rail.evm.broadcast(stolen.raw_tx)
    finish(rail)
    assert one(rail, asked).state == "uncertain"
    assert rail.owns(asked.user_id, COIN)[1] == WEI
    rail.mine(6)
    finish(rail)
    assert one(rail, asked).state == "failed"
    assert rail.owns(asked.user_id, COIN) == (2 * WEI, 0)


def test_a_withdrawal_that_reverts_gives_the_funds_back_and_pays_its_gas(rail: EvmRail) -> None:
    token = rail.add_token()
    user_id, _ = rail.paid_in(token, 900 * UNIT)
    rail.fund_hot()
    token.transfer(rail.world.hot.address, 900 * UNIT)
    rail.watch()
    asked = rail.withdraw(user_id, TOKEN, 100 * UNIT)
    assert rail.pay() == 1
    with frozen(rail, token):
        rail.mine()
    rail.watch()
    rail.settle()
    assert (one(rail, asked).state, rail.payout().void_because) == ("failed", "reverted")
    assert rail.payout().fee_minor
    assert rail.owns(user_id, TOKEN) == (900 * UNIT, 0)
    rail.assert_sound()


def test_two_workers_at_once_never_use_one_nonce_twice(rail: EvmRail) -> None:
    rail.add_token()
    user_id, _ = rail.paid_in(None, 4 * WEI)
    rail.fund_hot(10 * WEI)
    asked = [rail.withdraw(user_id, COIN, WEI // 10) for _ in range(4)]
    before = rail.world.balance(STRANGER)
    at_once(rail.pay, rail.pay, rail.sweep, rail.sweep)
    rail.rounds(3)
    assert {one(rail, row).state for row in asked} == {"completed"}
    assert rail.world.balance(STRANGER) - before == 4 * (WEI // 10)
    assert [payout.purpose for payout in rail.rows(Payout)].count("sweep") == 1
    rail.assert_sound()


def test_a_deposit_is_credited_once_by_block_backfill_and_reorganisation(rail: EvmRail) -> None:
    token, anvil = rail.add_token(), rail.world.anvil
    snapshot = anvil.call("evm_snapshot")
    user_id = rail.new_user()
    address = rail.new_address(user_id).address
    token.transfer(address, 5 * UNIT)
    anvil.mine(25)
    rail.watch()
    with rail.container.transaction() as session:
        session.execute(update(ChainCursor).values(backfilled_height=0))
    assert backfill_chain(rail.container, rail.chain, BY) == 0
    assert rail.owns(user_id, TOKEN) == (5 * UNIT, 0)
    anvil.call("evm_revert", snapshot)
    token.transfer(address, 5 * UNIT)
    anvil.mine(26)
    rail.watch()
    assert rail.owns(user_id, TOKEN) == (5 * UNIT, 0)
    with rail.container.transaction() as session:
        session.execute(update(ChainCursor).values(backfilled_height=0))
    assert backfill_chain(rail.container, rail.chain, BY) == 0
    rail.assert_sound()


@pytest.mark.causes("chain_backfill_found")
def test_what_the_reader_missed_is_found_told_and_credited(rail: EvmRail, between: Callable[[], Between]) -> None:
    """The first node knows the receipts, and has lost what they say."""

    def without_events(params: list[Any], forward: Forward) -> dict[str, Any]:
        return {"result": [{**receipt, "logs": []} for receipt in forward("eth_getBlockReceipts", params)["result"]]}

    token = rail.add_token()
    user_id = rail.new_user()
    address = rail.new_address(user_id).address
    node = between()
    node.rules["eth_getBlockReceipts"] = without_events
    with ways.reached_at(rail, cast("Any", rail.world.reached_at(node.url))):
        token.transfer(address, 5 * UNIT)
        rail.mine(25)
        rail.watch()
    assert rail.count(Deposit) == 0
    assert backfill_chain(rail.container, rail.chain, BY) == 1
    assert rail.owns(user_id, TOKEN) == (5 * UNIT, 0)
    assert ways.standing(rail) == {"chain_backfill_found": "warning"}
    assert backfill_chain(rail.container, rail.chain, BY) == 0
    with rail.container.transaction() as session:
        [stands] = alerts.standing(session)
        code, scope, now = stands.alert_code, stands.service_scope, rail.container.now()
        handling.settle(session, code, scope, note="the node was replaced", now=now, by=BY)
    assert ways.standing(rail) == {}


@pytest.mark.causes("finality_lagging")
def test_stalled_finality_raises_an_alert_until_it_moves(rail: EvmRail) -> None:
    """A chain that says what is final, and for forty minutes says the same."""
    network = replace(ANVIL, finality_tag="finalized")
    with ways.reached_at(rail, cast("Any", rail.world.reached_at(rail.world.anvil.rpc_url, network=network))):
        rail.mine(100)
        rail.watch()
        ways.travel(rail, timedelta(minutes=39))
        rail.watch()
        assert ways.standing(rail) == {}
        ways.travel(rail, timedelta(minutes=2))
        rail.watch()
        assert ways.standing(rail) == {"finality_lagging": "critical"}
        rail.mine()
        ways.travel(rail, timedelta(minutes=1))
        rail.watch()
        assert ways.standing(rail) == {}


def test_what_the_account_sent_after_a_dump_is_noticed_before_anything_is_paid_again(rail: EvmRail) -> None:
    """The dump knows of the first payment; the second one left after it was made."""
    _, anvil = funded(rail)
    anvil.mine()
    rail.watch()
    assert look_at_account(rail.container, rail.evm) == 0
    user_id, _ = rail.paid_in(None, 2 * WEI)
    rail.withdraw(user_id, COIN, WEI)
    rail.evm.broadcast(rail.evm.build([Payment(STRANGER, WEI)], fee_max_minor=CAP).raw_tx)
    assert look_at_account(rail.container, rail.evm) == 1
    assert rail.pay() == 0


def test_indexes_that_were_given_out_after_a_dump_are_passed_over(rail: EvmRail) -> None:
    owner = rail.new_user()
    kept = rail.new_address(owner).address
    retire(rail.container, skip=5)
    assert rail.new_address(owner).address == kept
    with pytest.raises(addresses.AddressPoolEmpty):
        rail.new_address(rail.new_user())
    with rail.container.transaction() as session:
        first = addresses.next_index(session, "anvil")
        fresh = rail.chain.new_addresses(1, first_index=first)
        addresses.add_to_pool(session, "anvil", fresh, now=rail.container.now())
    assert first == POOL + 5
    assert rail.new_address(rail.new_user()).derivation_index == first

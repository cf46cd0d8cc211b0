"""What a reorganisation of the chain undoes, and that it is undone once."""

import pytest
from sqlalchemy import update

from models.chain import ChainCursor
from models.deposit import Deposit
from models.ledger import LedgerTransaction
from services import ledger
from tests.rail import COIN, Rail
from tests.services import world


@pytest.fixture(autouse=True)
def tiers(rail: Rail) -> None:
    world.set_asset(rail, confirmation_tiers=world.TIERS)


def kinds(rail: Rail) -> list[str]:
    return [transaction.kind for transaction in rail.rows(LedgerTransaction)]


def suspense(rail: Rail) -> int:
    with rail.container.transaction() as session:
        return ledger.system_balance(session, "suspense", rail.asset_id)


def test_three_blocks_are_undone_before_the_credit(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, 20 * COIN)  # six confirmations
    rail.mine(3)
    rail.watch()
    assert rail.deposit().state == "confirming"
    world.fork(rail, 3)
    rail.watch()
    assert rail.deposit().state == "seen"  # its sender's node offers it again
    assert rail.balance(user_id) == (0, 0)
    world.mine_holding(rail, txid, count=6)
    rail.watch()
    assert world.states(rail, rail.deposit().flow_id)[-2:] == ["confirming", "credited"]
    assert rail.balance(user_id) == (20 * COIN, 0)
    assert kinds(rail) == ["deposit_credit"]
    rail.assert_sound()


def test_three_blocks_are_undone_after_the_credit_and_exactly_one_credit_remains(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, 2 * COIN)
    rail.mine(3)
    rail.watch()
    assert rail.balance(user_id) == (2 * COIN, 0)
    world.fork(rail, 3)
    rail.watch()
    assert rail.balance(user_id) == (0, 0)
    assert rail.deposit().state == "seen"
    rail.assert_sound()
    world.mine_holding(rail, txid, count=3)
    rail.watch()
    deposit = rail.deposit()
    assert world.states(rail, deposit.flow_id) == [
        *("confirming", "credited", "reorged", "seen", "confirming", "credited"),
    ]
    assert [status for _, status, _ in world.observed(rail, deposit.id)] == [
        *("confirmed", "credited", "reorged", "mempool", "confirmed", "credited"),
    ]
    assert kinds(rail) == ["deposit_credit", "deposit_reversal", "deposit_credit"]
    assert rail.balance(user_id) == (2 * COIN, 0)
    assert world.standing(rail) == {}
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_a_payment_that_moves_to_another_block_of_the_new_branch_is_credited_once(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, COIN // 2)
    rail.mine()
    rail.watch()
    world.drop_blocks(rail, 1)
    world.mine_holding(rail)
    world.mine_holding(rail, txid)
    rail.watch()
    assert rail.deposit().block_height == world.height(rail)
    assert rail.balance(user_id) == (COIN // 2, 0)
    rail.assert_sound()


@pytest.mark.causes("deposit_undone_after_spending")
def test_a_credit_that_was_spent_before_the_chain_undid_it_is_borne_by_suspense(rail: Rail) -> None:
    user_id, other = rail.new_user(), rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, COIN // 3)
    rail.send_to(rail.new_address(other).address, COIN // 3)
    rail.mine()
    rail.watch()
    rail.request(user_id, COIN // 4)
    world.fork(rail, 1)
    rail.watch()
    assert suspense(rail) == -(COIN // 3)
    assert world.standing(rail) == {"deposit_undone_after_spending": "critical"}
    assert world.deposits(rail)[txid].in_suspense
    assert rail.balance(user_id)[0] > 0  # nobody goes below zero, and a hold stays a hold
    assert rail.balance(other) == (0, 0)
    rail.assert_sound()

    rail.mine()
    rail.watch()
    assert suspense(rail) == 0
    assert world.standing(rail) == {}
    assert world.deposits(rail)[txid].state == "credited"
    assert rail.balance(other) == (COIN // 3, 0)
    rail.assert_sound()


def test_a_payment_double_spent_in_the_new_branch_is_replaced_and_its_credit_stays_reversed(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, COIN // 2)
    double_spend = world.conflicting(rail, txid, rail.outside_address())
    rail.mine()
    rail.watch()
    world.fork(rail, 1, double_spend)
    rail.watch()
    deposit = rail.deposit()
    assert deposit.state == "replaced"
    assert world.states(rail, deposit.flow_id) == ["confirming", "credited", "reorged", "replaced"]
    assert rail.balance(user_id) == (0, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


@pytest.mark.parametrize("confirms_again", [True, False])
def test_a_rescan_that_meets_another_branch_undoes_what_stood_there(rail: Rail, confirms_again: bool) -> None:
    user_id = rail.new_user()
    rail.mine()
    rail.watch()
    start = world.cursor(rail)
    txid = rail.send_to(rail.new_address(user_id).address, COIN // 2)
    double_spend = world.conflicting(rail, txid, rail.outside_address())
    rail.mine(2)
    rail.watch()
    with rail.container.transaction() as session:  # an operator sets the cursor back by hand
        session.execute(update(ChainCursor).values(height=start.height, hash=start.hash))
    world.fork(rail, 2, txid if confirms_again else double_spend)
    rail.watch()
    assert rail.deposit().state == ("credited" if confirms_again else "replaced")
    assert rail.balance(user_id) == (COIN // 2 if confirms_again else 0, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_a_reorganisation_below_the_block_at_which_following_began_is_walked_back(rail: Rail) -> None:
    user_id = rail.new_user()
    rail.mine()
    rail.watch()
    world.fork(rail, 3)
    rail.watch()
    assert world.cursor(rail).hash == rail.node.call("getbestblockhash")
    rail.fund(user_id, COIN // 2)
    assert rail.balance(user_id) == (COIN // 2, 0)


def test_a_reorganisation_deeper_than_a_hundred_blocks_stops_with_an_alert(rail: Rail) -> None:
    rail.fund(rail.new_user(), COIN // 2)
    rail.mine(101)
    rail.watch()
    before = world.cursor(rail)
    first = world.drop_blocks(rail, 104)
    world.mine_holding(rail, count=105)
    rail.watch()
    cursor = world.cursor(rail)
    assert (cursor.height, cursor.hash, cursor.error) == (before.height, before.hash, "reorganisation_too_deep")
    assert world.standing(rail) == {"chain_source_stale": "critical"}
    assert rail.deposit().state == "credited"
    rail.node.call("invalidateblock", rail.node.call("getblockhash", world.height(rail) - 104))
    rail.node.call("reconsiderblock", first)


def test_a_reorganisation_of_a_hundred_blocks_is_undone(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, COIN // 2)
    raw = rail.node.call("getrawtransaction", txid)  # a node forgets the payments of the oldest blocks it drops
    rail.mine(100)
    rail.watch()
    world.fork(rail, 100, raw)
    rail.watch()
    assert world.cursor(rail).hash == rail.node.call("getbestblockhash")
    assert rail.count(Deposit) == 1
    assert rail.balance(user_id) == (COIN // 2, 0)
    assert kinds(rail) == ["deposit_credit", "deposit_reversal", "deposit_credit"]

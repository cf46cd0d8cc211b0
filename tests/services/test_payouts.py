"""Payments on their way out: signed once, stored, sent, waited for, settled once."""

import pytest
from sqlalchemy import select, update

from models.payout import Payout
from models.withdrawal import Withdrawal
from services import ledger
from services.payouts import fees, sending
from tests.rail import COIN, Rail
from tests.services import outgoing, world
from tests.services.outgoing import A_WHILE, AUTO, FEE

NOWHERE = "http://strongroom:secret@127.0.0.1:9"


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def waits(rail: Rail, withdrawal: Withdrawal, code: str) -> None:
    """Assert that a withdrawal waits for this reason, where its owner and operators see it."""
    found = outgoing.one(rail, withdrawal.id)
    assert (found.state, found.waiting_reason, found.lease_until) == ("approved", code, None)
    assert world.notes(rail, withdrawal.flow_id)[-1] == {"waits_because": code}
    assert rail.balance(withdrawal.user_id)[1] >= withdrawal.amount_minor + withdrawal.fee_minor


def goes_on(rail: Rail, withdrawal: Withdrawal) -> None:
    """Assert that it is paid by itself once the reason is gone."""
    world.travel(rail, A_WHILE)
    rail.pay()
    rail.send()
    found = outgoing.one(rail, withdrawal.id)
    assert (found.state, found.waiting_reason) == ("broadcast", None)
    rail.mine()
    rail.watch()
    assert outgoing.one(rail, withdrawal.id).state == "completed"
    assert outgoing.sent_once(rail, withdrawal.destination, withdrawal.amount_minor)
    assert world.standing(rail) == {}
    rail.assert_sound()


def test_a_completed_withdrawal_is_in_the_books_with_its_fees(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    withdrawal = rail.request(user_id, AUTO)
    rail.pay()
    assert rail.compare() == "ok"
    rail.mine()
    rail.watch()
    [form] = outgoing.forms(rail)
    with rail.container.transaction() as session:
        booked = {
            code: ledger.system_balance(session, code, rail.asset_id)
            for code in ("hot_wallet", "withdrawal_fees", "network_fees")
        }
    assert booked == {
        "hot_wallet": 2 * COIN - AUTO - form.fee_minor,
        "withdrawal_fees": FEE,
        "network_fees": form.fee_minor,
    }
    assert rail.balance(user_id) == (2 * COIN - AUTO - FEE, 0)
    assert world.states(rail, withdrawal.flow_id) == [
        *("requested", "approved", "signed", "broadcast", "confirming", "completed"),
    ]
    assert rail.compare() == "ok"


def test_a_network_fee_above_the_cap_waits_and_then_goes_on(rail: Rail) -> None:
    world.set_policy(rail, network_fee_cap_minor=1)
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    assert rail.pay() == 0
    waits(rail, withdrawal, "fee_above_cap")
    world.set_policy(rail, network_fee_cap_minor=COIN // 100)
    goes_on(rail, withdrawal)


def test_a_batch_whose_fee_is_above_the_cap_is_paid_in_smaller_parts(rail: Rail) -> None:
    user_id = outgoing.funded(rail, 4 * COIN, parts=4)
    rail.request(user_id, AUTO)
    rail.pay()
    fee_of_one = outgoing.forms(rail)[0].fee_minor
    rail.mine()
    rail.watch()
    world.set_policy(rail, network_fee_cap_minor=fee_of_one * 3 // 2)
    for _ in range(4):
        rail.request(user_id, AUTO)
    assert 1 < rail.pay() <= 4
    assert {withdrawal.state for withdrawal in rail.rows(Withdrawal)} == {"completed", "broadcast"}


def test_insufficient_hot_funds_wait_oldest_first_and_smaller_later_ones_still_go(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    spent = rail.node.call(
        *("sendtoaddress", rail.outside_address(), rail.spell(COIN)), wallet=outgoing.hot_wallet(rail)
    )
    world.mine_holding(rail, spent)
    world.set_policy(rail, auto_limit_minor=2 * COIN)
    large, small = rail.request(user_id, COIN * 3 // 2), rail.request(user_id, COIN // 4)
    assert rail.pay() == 1
    waits(rail, large, "insufficient_hot_funds")
    assert outgoing.one(rail, small.id).state == "broadcast"
    pooled = rail.new_address(rail.new_user()).address
    world.set_asset(rail, minimum_deposit_minor=100 * COIN)
    rail.send_to(pooled, 2 * COIN)  # somebody tops the wallet up
    rail.mine()
    rail.watch()
    goes_on(rail, large)


def test_funds_that_arrive_end_the_wait_for_them_at_the_next_comparison(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    spent = rail.node.call(
        *("sendtoaddress", rail.outside_address(), rail.spell(COIN)), wallet=outgoing.hot_wallet(rail)
    )
    world.mine_holding(rail, spent)
    rail.watch()
    world.set_policy(rail, auto_limit_minor=2 * COIN)
    withdrawal = rail.request(user_id, COIN * 3 // 2)
    assert rail.pay() == 0
    waits(rail, withdrawal, "insufficient_hot_funds")
    rail.compare()
    rail.compare()
    assert outgoing.one(rail, withdrawal.id).due_at is not None  # nothing has arrived yet
    rail.send_to(rail.new_address(rail.new_user()).address, 2 * COIN)
    rail.mine(6)
    rail.watch()
    assert rail.pay() == 0
    rail.compare()
    assert rail.pay() == 1


@pytest.mark.causes("withdrawal_waits")
def test_a_withdrawal_that_cannot_be_paid_for_long_raises_an_alert_that_ends_with_it(rail: Rail) -> None:
    world.set_policy(rail, network_fee_cap_minor=1)
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    for _ in range(5):
        assert world.standing(rail) == {}
        rail.pay()
        world.travel(rail, A_WHILE)
    assert world.standing(rail) == {"withdrawal_waits": "warning"}
    assert world.notes(rail, withdrawal.flow_id) == [{"waits_because": "fee_above_cap"}]
    outgoing.cancel(rail, withdrawal)
    assert world.standing(rail) == {}


def test_a_locked_wallet_waits_and_then_goes_on(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    rail.node.call("encryptwallet", "passphrase", wallet=outgoing.hot_wallet(rail))
    assert rail.pay() == 0
    waits(rail, withdrawal, "wallet_locked")
    rail.node.call("walletpassphrase", "passphrase", 60, wallet=outgoing.hot_wallet(rail))
    goes_on(rail, withdrawal)


def test_a_node_that_is_down_when_the_payment_is_built_waits_and_then_goes_on(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    with world.reached_at(rail, world.elsewhere(rail, NOWHERE)):
        assert rail.pay() == 0
    waits(rail, withdrawal, "node_refused")
    goes_on(rail, withdrawal)


def test_a_node_that_goes_down_before_the_broadcast_keeps_the_stored_payment(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    with world.reached_at(rail, outgoing.gone_at_broadcast(rail)):
        assert rail.pay() == 1
    found = outgoing.one(rail, withdrawal.id)
    assert (found.state, found.waiting_reason) == ("signed", "node_refused")
    assert world.notes(rail, withdrawal.flow_id) == [{"waits_because": "node_refused"}]
    assert rail.received(withdrawal.destination) == 0
    stored = outgoing.forms(rail)
    goes_on(rail, withdrawal)
    assert [form.raw_tx for form in outgoing.forms(rail)] == [form.raw_tx for form in stored]


def test_many_withdrawals_leave_in_one_transaction(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    asked = [rail.request(user_id, COIN // 100 * place) for place in range(1, 9)]
    assert rail.pay() == 1
    assert rail.count(Payout) == 1
    rail.mine()
    rail.watch()
    for withdrawal in asked:
        assert outgoing.sent_once(rail, withdrawal.destination, withdrawal.amount_minor)
    assert {withdrawal.state for withdrawal in rail.rows(Withdrawal)} == {"completed"}
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_blocks_that_take_turns_leave_in_the_books_what_the_last_of_them_cost(rail: Rail) -> None:
    rail.request(outgoing.funded(rail), AUTO)
    rail.pay()
    rail.mine()
    rail.watch()
    dear, cheap = ("a" * 64, 900), ("b" * 64, 400)
    for block_hash, fee_minor in (dear, cheap, dear, cheap):
        with rail.container.transaction() as session:
            payout = session.scalars(select(Payout).with_for_update()).one()
            payout.block_hash, payout.fee_minor = block_hash, fee_minor
            outcomes = ledger.post(session, fees.corrections(session, [payout], now=rail.container.now()))
            assert [outcome.refused for outcome in outcomes] == [None]
        with rail.container.transaction() as session:
            assert ledger.system_balance(session, "network_fees", rail.asset_id) == fee_minor


def test_a_dearer_form_that_confirms_is_booked_with_its_fee(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    rail.pay()
    assert outgoing.bump(rail) == 1
    old, new = outgoing.forms(rail)
    assert new.fee_minor > old.fee_minor
    assert rail.node.call("getrawmempool").count(new.txid) == 1
    assert rail.compare() == "ok"
    rail.mine()
    rail.watch()
    assert (rail.payout().txid, rail.withdrawal().state) == (new.txid, "completed")
    assert outgoing.sent_once(rail, withdrawal.destination, AUTO)
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_an_old_form_that_confirms_after_a_bump_is_booked_with_its_own_fee(rail: Rail) -> None:
    rail.request(outgoing.funded(rail), AUTO)
    rail.pay()
    outgoing.bump(rail)
    old, _ = outgoing.forms(rail)
    world.mine_holding(rail, old.raw_tx)
    rail.watch()
    assert (rail.payout().txid, rail.withdrawal().state) == (old.txid, "completed")
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_a_bump_above_the_cap_leaves_the_form_that_is_out_there(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    rail.pay()
    world.set_policy(rail, network_fee_cap_minor=outgoing.forms(rail)[0].fee_minor)
    assert outgoing.bump(rail) == 0
    assert len(outgoing.forms(rail)) == 1
    assert world.notes(rail, withdrawal.flow_id) == [{"not_bumped_because": "fee_above_cap"}]
    assert rail.payout().bump_requested_by is None


def test_a_payment_reorganised_while_it_confirms_is_sent_again_and_completed_once(rail: Rail) -> None:
    world.set_policy(rail, confirmations=3)
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    rail.pay()
    rail.mine()
    rail.watch()
    assert rail.withdrawal().state == "confirming"
    world.fork(rail, 1)
    rail.watch()
    assert rail.withdrawal().state == "broadcast"
    rail.send()
    rail.mine(3)
    rail.watch()
    assert world.states(rail, withdrawal.flow_id)[-5:] == [
        *("broadcast", "confirming", "broadcast", "confirming", "completed"),
    ]
    assert outgoing.sent_once(rail, withdrawal.destination, AUTO)
    assert rail.compare() == "ok"
    rail.assert_sound()


@pytest.mark.causes("completed_payout_reorganised")
def test_a_completed_payment_whose_block_leaves_the_chain_raises_an_alert_and_is_sent_again(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    rail.pay()
    rail.mine()
    rail.watch()
    assert rail.withdrawal().state == "completed"
    world.fork(rail, 1)
    rail.watch()
    assert world.standing(rail) == {"completed_payout_reorganised": "critical"}
    assert rail.send() == 1
    rail.mine()
    rail.watch()
    assert world.standing(rail) == {}
    assert rail.withdrawal().state == "completed"
    assert outgoing.sent_once(rail, withdrawal.destination, AUTO)
    rail.assert_sound()


def test_a_completed_payment_that_two_forks_undid_and_brought_back_makes_nothing_impossible(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    first = rail.request(user_id, AUTO)
    rail.pay()
    [form] = outgoing.forms(rail)
    stranger = world.spending(rail, form.raw_tx, rail.outside_address(), wallet=outgoing.hot_wallet(rail))
    rail.mine()
    rail.watch()
    world.fork(rail, 1, stranger)
    rail.watch()
    rail.send()
    assert rail.payout().conflicted_by is not None
    world.fork(rail, 2, form.raw_tx)
    rail.watch()
    second = rail.request(user_id, AUTO // 2)
    rail.pay()
    world.mine_holding(rail)
    rail.watch()
    assert [outgoing.one(rail, each.id).state for each in (first, second)] == ["completed", "broadcast"]


def test_a_withdrawal_to_an_address_of_this_house_is_a_deposit_too(rail: Rail) -> None:
    sender, recipient = outgoing.funded(rail), rail.new_user()
    rail.request(sender, AUTO, rail.new_address(recipient).address)
    rail.pay()
    rail.watch()
    assert rail.compare() == "ok"
    rail.mine()
    rail.watch()
    assert rail.balance(recipient) == (AUTO, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_a_burst_leaves_in_one_turn_and_one_offered_again_lets_others_come_first(
    rail: Rail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "BATCH_MAX", 1)
    user_id = outgoing.funded(rail, parts=2)
    with world.reached_at(rail, outgoing.gone_at_broadcast(rail)):
        for amount_minor in (AUTO, AUTO // 2):
            rail.request(user_id, amount_minor)
            rail.pay()
    world.travel(rail, A_WHILE)
    assert rail.send() == 2
    first, second = sorted(rail.rows(Payout), key=lambda payout: payout.id)
    with rail.container.transaction() as session:
        session.execute(update(Payout).where(Payout.id == first.id).values(due_at=second.due_at + A_WHILE))
    world.travel(rail, 3 * A_WHILE)
    with rail.container.transaction() as session:
        chain, now = rail.chain.rail.chain, rail.container.now()
        [due] = sending.claim_unconfirmed(session, chain, owner="test", now=now)
    assert due.payout_id == second.id

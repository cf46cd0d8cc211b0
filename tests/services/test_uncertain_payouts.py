"""Payments whose fate nobody knows: held until something proves it, never sent twice, never given back too early."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, none
from sqlalchemy import update
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.chain_facts import OutPoint
from domain.flows import WrongState
from domain.ports import DescriptorChain
from domain.wallet_facts import Payment, SignedPayment
from models.asset import WithdrawalPolicy
from models.chain import ChainCursor
from models.payout import Payout, PayoutTransaction
from services.alerts import dossier, handling
from services.payouts import InputsTaken, NoProof, ask_for_bump, give_up, store
from services.payouts.following import CONFLICT_FINAL, fail_conflicted
from services.withdrawals.deciding import SelfApproval
from tasks import payouts
from tests.rail import BY, COIN, Rail
from tests.services import outgoing, world
from tests.services.outgoing import A_WHILE, AUTO, FEE


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def double_spend(rail: Rail) -> str:
    """Somebody who has the wallet's keys spends the inputs of its one payment, in a block."""
    [form] = outgoing.forms(rail)
    raw = world.spending(rail, form.raw_tx, rail.outside_address(), wallet=outgoing.hot_wallet(rail))
    world.mine_holding(rail, raw)
    txid: str = rail.node.call("decoderawtransaction", raw)["txid"]
    return txid


def signed_and_unsent(rail: Rail) -> None:
    rail.request(outgoing.funded(rail), AUTO)
    with world.reached_at(rail, outgoing.gone_at_broadcast(rail)):
        rail.pay()


def test_behind_a_payment_without_an_answer_the_others_wait_unsent_and_are_in_no_doubt(rail: Rail) -> None:
    user_id = outgoing.funded(rail, parts=2)
    asked = []
    with world.reached_at(rail, outgoing.gone_at_broadcast(rail)):
        for _ in range(2):
            asked.append(rail.request(user_id, AUTO // 2).id)
            rail.pay()
    world.travel(rail, A_WHILE)
    with world.reached_at(rail, outgoing.answer_lost(rail)):
        rail.send()
    first, second = (outgoing.one(rail, withdrawal_id) for withdrawal_id in asked)
    assert (first.state, first.waiting_reason) == ("uncertain", "node_timeout")
    assert (second.state, second.waiting_reason) == ("signed", "node_timeout")
    world.travel(rail, A_WHILE)
    assert rail.send() == 2
    assert {outgoing.one(rail, withdrawal_id).state for withdrawal_id in asked} == {"broadcast"}
    rail.assert_sound()


@pytest.mark.causes("withdrawal_uncertain")
def test_a_broadcast_answered_by_a_time_out_although_it_arrived_completes_once(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    withdrawal = rail.request(user_id, AUTO)
    with world.reached_at(rail, outgoing.answer_lost(rail)):
        rail.pay()
    found = outgoing.one(rail, withdrawal.id)
    assert (found.state, found.waiting_reason) == ("uncertain", "node_timeout")
    assert rail.balance(user_id)[1] == AUTO + FEE
    assert world.standing(rail) == {"withdrawal_uncertain": "warning"}
    with rail.container.reading() as session:
        [flow] = dossier.flows_about(session, f"payout:{rail.payout().id}")
    assert flow.group_id == withdrawal.flow_id
    world.travel(rail, A_WHILE)
    assert rail.send() == 1
    assert outgoing.one(rail, withdrawal.id).state == "broadcast"
    assert world.standing(rail) == {}
    rail.mine()
    rail.watch()
    assert world.states(rail, withdrawal.flow_id)[-5:] == [
        "signed",
        "uncertain",
        "broadcast",
        "confirming",
        "completed",
    ]
    assert outgoing.sent_once(rail, withdrawal.destination, AUTO)
    rail.assert_sound()


def test_an_uncertain_payment_that_is_found_in_a_block_completes_without_being_sent_again(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    with world.reached_at(rail, outgoing.answer_lost(rail)):
        rail.pay()
    rail.mine()
    rail.watch()
    found = outgoing.one(rail, withdrawal.id)
    assert (found.state, found.waiting_reason) == ("completed", None)
    assert world.standing(rail) == {}
    assert outgoing.sent_once(rail, withdrawal.destination, AUTO)


def test_a_payment_that_never_arrived_is_sent_again_as_the_same_bytes(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    with world.reached_at(rail, outgoing.never_arrives(rail)):
        rail.pay()
        assert rail.compare() == "unknown"  # it may or may not have left
        world.travel(rail, A_WHILE)
        rail.send()
    assert outgoing.one(rail, withdrawal.id).state == "uncertain"
    [stored] = outgoing.forms(rail)
    world.travel(rail, A_WHILE)
    rail.send()
    assert stored.txid in rail.node.call("getrawmempool")
    assert outgoing.sent_once(rail, withdrawal.destination, AUTO)
    assert rail.compare() == "ok"


def test_the_alert_of_a_payment_that_stays_uncertain_turns_critical(rail: Rail) -> None:
    rail.request(outgoing.funded(rail), AUTO)
    with world.reached_at(rail, outgoing.never_arrives(rail)):
        rail.pay()
        for _ in range(7):
            assert world.standing(rail) == {"withdrawal_uncertain": "warning"}
            world.travel(rail, A_WHILE)
            rail.send()
    assert world.standing(rail) == {"withdrawal_uncertain": "critical"}


def test_an_operator_may_have_it_sent_now(rail: Rail) -> None:
    rail.request(outgoing.funded(rail), AUTO)
    with world.reached_at(rail, outgoing.never_arrives(rail)):
        rail.pay()
    assert rail.send() == 0  # its back-off has not passed
    outgoing.retry(rail)
    assert rail.send() == 1
    assert rail.withdrawal().state == "broadcast"


def test_without_proof_nothing_is_given_back(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    rail.request(user_id, AUTO)
    with world.reached_at(rail, outgoing.never_arrives(rail)):
        rail.pay()
    with pytest.raises(NoProof):
        outgoing.give_up(rail)
    assert rail.withdrawal().state == "uncertain"
    assert rail.balance(user_id)[1] == AUTO + FEE


def test_a_payment_that_is_not_uncertain_cannot_be_given_up_and_a_final_one_not_retried(rail: Rail) -> None:
    rail.request(outgoing.funded(rail), AUTO)
    rail.pay()
    with pytest.raises(WrongState):
        outgoing.give_up(rail)
    rail.mine()
    rail.watch()
    with pytest.raises(WrongState):
        outgoing.retry(rail)
    with pytest.raises(WrongState):
        outgoing.bump(rail)


def test_a_double_spend_of_our_input_that_is_deep_enough_fails_the_payment_and_gives_the_funds_back(rail: Rail) -> None:
    signed_and_unsent(rail)
    user_id = rail.withdrawal().user_id
    spender = double_spend(rail)
    rail.watch()
    payout = rail.payout()
    assert (payout.state, payout.conflicted_by) == ("uncertain", spender)
    assert rail.balance(user_id)[1] == AUTO + FEE
    world.travel(rail, A_WHILE)
    rail.send()
    assert rail.payout().conflicted_by == spender
    rail.mine(CONFLICT_FINAL - 2)
    rail.watch()
    assert rail.payout().state == "uncertain"
    rail.mine()
    rail.watch()
    withdrawal = rail.withdrawal()
    assert (rail.payout().state, withdrawal.state) == ("failed", "failed")
    assert world.states(rail, withdrawal.flow_id)[-3:] == ["signed", "uncertain", "failed"]
    assert rail.balance(user_id) == (2 * COIN, 0)
    assert world.standing(rail) == {}
    assert rail.received(withdrawal.destination) == 0
    rail.assert_sound()


def test_an_operator_may_give_up_on_proof_that_is_final_before_the_house_does_of_itself(rail: Rail) -> None:
    world.set_policy(rail, confirmations=3)
    signed_and_unsent(rail)
    double_spend(rail)
    rail.watch()
    owner = Actor("operator:owner", user_id=rail.withdrawal().user_id)
    with pytest.raises(SelfApproval), rail.container.transaction() as session:
        give_up(session, rail.payout().id, now=rail.container.now(), by=owner)
    rail.mine()
    rail.watch()
    with pytest.raises(NoProof, match="2 of 3 confirmations"):
        outgoing.give_up(rail)
    assert rail.withdrawal().state == "uncertain"
    rail.mine()
    rail.watch()
    outgoing.give_up(rail)
    assert rail.withdrawal().state == "failed"
    assert rail.balance(rail.withdrawal().user_id) == (2 * COIN, 0)
    with pytest.raises(WrongState), rail.container.transaction() as session:
        give_up(session, rail.payout().id, now=rail.container.now(), by=BY)


def test_nothing_is_given_back_before_what_came_instead_is_final(rail: Rail) -> None:
    """Whatever depth the asset asks for, and whether or not its chain says by itself what is final."""
    signed_and_unsent(rail)
    double_spend(rail)
    rail.watch()
    cursor_at = world.height(rail)

    @settings(max_examples=20, deadline=None)
    @given(
        depth=integers(1, 12),
        needed=integers(1, 12),
        final=none() | integers(cursor_at - 12, cursor_at),
    )
    def holds(depth: int, needed: int, final: int | None) -> None:
        at, now = cursor_at - depth + 1, rail.container.now()
        is_final = depth >= needed and (final is None or at <= final)
        with Session(rail.container.engine) as session:  # which commits nothing
            payout = session.get_one(Payout, rail.payout().id)
            session.execute(update(WithdrawalPolicy).values(confirmations=needed))
            session.execute(update(ChainCursor).values(final_height=final))
            payout.conflict_height = at
            session.flush()
            with session.begin_nested() as attempt:
                failed = fail_conflicted(session, payout.chain, now=now, by=BY)
                attempt.rollback()
            assert failed == (is_final and depth >= CONFLICT_FINAL)
            with nullcontext() if is_final else pytest.raises(NoProof):
                give_up(session, payout.id, now=now, by=BY)

    holds()


def test_a_double_spend_in_a_block_that_was_not_read_proves_nothing_since_a_fork_may_take_it_back_unseen(
    rail: Rail,
) -> None:
    rail.request(outgoing.funded(rail), AUTO)
    rail.pay()
    double_spend(rail)
    world.travel(rail, A_WHILE)
    rail.send()
    assert (rail.payout().state, rail.payout().conflicted_by) == ("uncertain", None)
    world.fork(rail, 1)
    world.mine_holding(rail, count=CONFLICT_FINAL)
    rail.watch()
    assert rail.payout().state == "uncertain"
    assert rail.balance(rail.withdrawal().user_id)[1] == AUTO + FEE


def test_a_reorganisation_takes_the_proof_back_and_the_payment_completes(rail: Rail) -> None:
    signed_and_unsent(rail)
    withdrawal = rail.withdrawal()
    [form] = outgoing.forms(rail)
    double_spend(rail)
    rail.watch()
    assert rail.payout().conflicted_by is not None
    world.fork(rail, 1, form.raw_tx)
    rail.watch()
    assert (rail.payout().state, rail.payout().conflicted_by) == ("completed", None)
    assert outgoing.sent_once(rail, withdrawal.destination, AUTO)
    rail.assert_sound()


@pytest.mark.causes("failed_payout_confirmed")
def test_a_payment_that_is_mined_although_it_was_proved_impossible_raises_an_alert_until_it_is_settled(
    rail: Rail,
) -> None:
    signed_and_unsent(rail)
    [form] = outgoing.forms(rail)
    double_spend(rail)
    rail.watch()
    outgoing.give_up(rail)
    world.fork(rail, 1, form.raw_tx)
    rail.watch()
    assert world.standing(rail) == {"failed_payout_confirmed": "critical"}
    scope, now = f"payout:{rail.payout().id}", rail.container.now()
    with rail.container.transaction() as session:
        handling.settle(session, "failed_payout_confirmed", scope, note="booked as a loss", now=now, by=BY)
    assert world.standing(rail) == {}


def test_after_a_reorganisation_of_the_proof_nothing_is_given_up(rail: Rail) -> None:
    signed_and_unsent(rail)
    double_spend(rail)
    rail.watch()
    world.fork(rail, 1)
    rail.watch()
    assert rail.payout().conflicted_by is None
    with pytest.raises(NoProof):
        outgoing.give_up(rail)


def test_a_refused_bump_does_not_hide_that_the_first_form_is_on_the_network(rail: Rail) -> None:
    """The dearer form is stored and then refused, while the network holds the first one."""
    rail.request(outgoing.funded(rail), AUTO)
    rail.pay()
    with world.reached_at(rail, outgoing.rejects(rail)):
        outgoing.bump(rail)
    assert len(outgoing.forms(rail)) == 2
    assert rail.withdrawal().state == "broadcast"
    rail.mine()
    rail.watch()
    assert rail.payout().txid == outgoing.forms(rail)[0].txid


def replaced_below(rail: Rail) -> tuple[PayoutTransaction, PayoutTransaction]:
    """A payment that spends the change of another one, which was then replaced and mined; both as first signed."""
    user_id = outgoing.funded(rail)
    rail.request(user_id, AUTO)
    rail.pay()
    rail.request(user_id, AUTO // 2)
    rail.pay()
    parent, child = sorted(outgoing.forms(rail), key=lambda form: form.signed_at)
    assert [spent.partition(":")[0] for spent in child.inputs] == [parent.txid]
    with rail.container.transaction() as session:
        ask_for_bump(session, parent.payout_id, now=rail.container.now(), by=BY)
    payouts.bump_chain(rail.container, rail.chain, BY)
    rail.mine()
    rail.watch()
    world.travel(rail, A_WHILE)
    rail.send()
    return parent, child


@pytest.mark.causes("withdrawal_uncertain")
def test_a_payment_from_change_that_will_never_be_fails_once_that_is_deep_enough(rail: Rail) -> None:
    replaced_below(rail)
    assert sorted(payout.state for payout in rail.rows(Payout)) == ["completed", "uncertain"]
    rail.mine(CONFLICT_FINAL - 1)
    rail.watch()
    assert sorted(payout.state for payout in rail.rows(Payout)) == ["completed", "failed"]
    assert world.standing(rail) == {}
    rail.assert_sound()


def test_a_payment_from_change_that_a_fork_brings_back_completes(rail: Rail) -> None:
    parent, child = replaced_below(rail)
    world.fork(rail, 1, parent.raw_tx, child.raw_tx)
    rail.watch()
    assert {payout.txid: payout.state for payout in rail.rows(Payout)} == {
        parent.txid: "completed", child.txid: "completed",
    }  # fmt: skip
    assert rail.compare() == "ok"
    rail.assert_sound()


def spent_before_it_fell(rail: Rail) -> tuple[str, str]:
    """A payment out of a deposit that a fork undoes; the deposit's transaction, and one that pays somebody else."""
    user_id, other = outgoing.funded(rail), rail.new_user()
    txid = rail.send_to(rail.new_address(other).address, 2 * COIN)
    double_spend = world.conflicting(rail, txid, rail.outside_address())
    raw = rail.node.call("getrawtransaction", txid)
    rail.mine()
    rail.watch()
    rail.request(user_id, 3 * AUTO)
    outgoing.approve(rail, rail.withdrawal().id)
    with world.reached_at(rail, only_of(rail, txid)):
        rail.pay()
    [form] = outgoing.forms(rail)
    assert [spent.partition(":")[0] for spent in form.inputs] == [txid]
    return raw, double_spend


def only_of(rail: Rail, txid: str) -> DescriptorChain:
    """The wallet as if it had nothing but what this transaction brought."""

    class Poor(outgoing.Wrapped):
        def build(
            self, payments: Sequence[Payment], *, avoid: Sequence[OutPoint] = (), **options: Any
        ) -> SignedPayment:
            unspent = rail.node.call("listunspent", wallet=outgoing.hot_wallet(rail))
            others = [OutPoint(row["txid"], row["vout"]) for row in unspent if row["txid"] != txid]
            signed: SignedPayment = self._chain.build(payments, avoid=[*avoid, *others], **options)
            return signed

    return cast("DescriptorChain", Poor(rail.chain))


def test_a_payment_from_a_deposit_that_was_double_spent_in_a_fork_fails_once_that_is_deep(rail: Rail) -> None:
    _, double_spend = spent_before_it_fell(rail)
    withdrawal = rail.withdrawal()
    world.fork(rail, 1, double_spend)
    rail.watch()
    world.travel(rail, A_WHILE)
    rail.send()
    stranger = rail.node.call("decoderawtransaction", double_spend)["txid"]
    assert (rail.payout().state, rail.payout().conflicted_by) == ("uncertain", stranger)
    rail.mine(CONFLICT_FINAL - 1)
    rail.watch()
    assert (rail.payout().state, rail.withdrawal().state) == ("failed", "failed")
    assert rail.balance(withdrawal.user_id) == (2 * COIN, 0)
    assert world.standing(rail) == {}
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_a_payment_from_a_deposit_that_a_fork_undid_and_mined_again_completes(rail: Rail) -> None:
    raw, double_spend = spent_before_it_fell(rail)
    [form] = outgoing.forms(rail)
    world.fork(rail, 1, double_spend)
    rail.watch()
    assert rail.payout().conflicted_by is not None
    world.fork(rail, 2, raw, form.raw_tx)
    rail.watch()
    assert (rail.payout().state, rail.payout().conflicted_by) == ("completed", None)
    assert outgoing.sent_once(rail, rail.withdrawal().destination, 3 * AUTO)
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_nothing_is_stored_that_spends_a_deposit_which_a_fork_undid_while_it_was_signed(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, COIN)
    double_spend = world.conflicting(rail, txid, rail.outside_address())
    rail.mine()
    rail.watch()
    rail.request(user_id, AUTO)

    def undo() -> None:
        world.fork(rail, 1, double_spend)
        rail.watch()

    with world.reached_at(rail, outgoing.signed_late(rail, undo)):
        assert rail.pay() == 0
    assert (rail.withdrawal().state, rail.withdrawal().waiting_reason, rail.count(Payout)) == (
        "approved", "inputs_taken", 0,
    )  # fmt: skip


@pytest.mark.parametrize("went", [outgoing.answer_lost, outgoing.rejects, outgoing.gone_at_broadcast])
def test_what_a_block_says_of_a_payment_outweighs_the_answer_that_came_after_it(
    rail: Rail, went: Callable[[Rail], DescriptorChain]
) -> None:
    """A worker is still waiting for the node while another reads the block."""
    world.set_policy(rail, confirmations=2)
    rail.request(outgoing.funded(rail), AUTO)
    rail.pay()
    world.travel(rail, A_WHILE)
    with world.reached_at(rail, outgoing.meanwhile(went(rail), lambda: (rail.mine(), rail.watch()))):
        rail.send()
    assert rail.payout().state == "confirming"
    assert world.standing(rail) == {}
    rail.mine()
    rail.watch()
    assert (rail.withdrawal().state, rail.withdrawal().waiting_reason) == ("completed", None)
    assert rail.payout().reason is None


def test_a_proof_that_a_fork_took_back_proves_nothing_of_what_came_after_either(rail: Rail) -> None:
    """An operator gave a payment up at the first sign; what spends its change is not lost for that."""
    user_id = outgoing.funded(rail)
    first = rail.request(user_id, AUTO)
    rail.pay()
    second = rail.request(user_id, AUTO // 2)
    rail.pay()
    [form] = [one for one in outgoing.forms(rail) if one.payout_id == outgoing.one(rail, first.id).payout_id]
    stranger = world.spending(rail, form.raw_tx, rail.outside_address(), wallet=outgoing.hot_wallet(rail))
    world.mine_holding(rail, stranger)
    rail.watch()
    assert {payout.conflict_height for payout in rail.rows(Payout)} == {world.height(rail)}
    with rail.container.transaction() as session:
        give_up(session, form.payout_id, now=rail.container.now(), by=BY)
    world.fork(rail, 1)
    world.mine_holding(rail, count=CONFLICT_FINAL)
    rail.watch()
    assert (outgoing.one(rail, first.id).state, outgoing.one(rail, second.id).state) == ("failed", "uncertain")
    # What it would have spent is free for another payment, which makes sure that it never will.
    inputs = [OutPoint(txid, int(vout)) for txid, _, vout in (spent.partition(":") for spent in form.inputs)]
    other = SignedPayment("00" * 32, "00", 1, 1, tuple(inputs), (0,), None)
    with rail.container.transaction() as session:
        store(session, form.chain, rail.asset_id, rail.asset_id, other, now=rail.container.now())
    with pytest.raises(InputsTaken), rail.container.transaction() as session:
        store(session, form.chain, rail.asset_id, rail.asset_id, other, now=rail.container.now())

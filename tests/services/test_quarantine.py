"""Deposits that are set aside: never spendable before an operator says so, whatever the chain does meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from auth import roles
from domain.flows import WrongState
from domain.ledger import Transaction, Transfer
from models.deposit import Deposit
from models.payout import Payout
from models.screening import DepositScreening
from models.withdrawal import Withdrawal
from services import conversions, deposits, flows, ledger, withdrawals
from services.withdrawals import deciding
from services.withdrawals.policy import DailyLimitExceeded
from tests.rail import BY, COIN, Rail
from tests.services import outgoing, world
from tests.waiting import eventually

AMOUNT = COIN // 2
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def newest(rail: Rail) -> Deposit:
    found: Deposit = rail.rows(Deposit)[-1]
    return found


def set_aside(rail: Rail, cause: str = "operator") -> None:
    with rail.container.transaction() as session:
        deposits.quarantine(session, newest(rail).id, cause=cause, reason="on a list", now=rail.container.now(), by=BY)


def decide(rail: Rail, decision: str, decider: UUID | None = None) -> None:
    decider_id = decider or rail.new_user()
    with rail.container.transaction() as session:
        now, deposit_id = rail.container.now(), newest(rail).id
        roles.grant(session, decider_id, "approver", by=BY.name, now=now)
        if decision == "release":
            deposits.release(session, deposit_id, decider_id=decider_id, reason="fine", now=now, by=BY)
        else:
            deposits.give_back(
                session,
                deposit_id,
                destination=decision,
                decider_id=decider_id,
                reason="not ours",
                now=now,
                by=BY,
            )


def pay_back(rail: Rail, destination: str) -> None:
    """Have one approver ask for it, and another agree."""
    decide(rail, destination)
    [returning] = [row for row in rail.rows(Withdrawal) if row.state == "pending_approval"]
    outgoing.approve(rail, returning.id)


def in_suspense(rail: Rail) -> int:
    with rail.container.reading() as session:
        return ledger.system_balance(session, "suspense", rail.asset_id)


def seen(rail: Rail) -> tuple[UUID, str]:
    """A payment that is in the mempool and set aside: its user and its id."""
    user_id = rail.new_user()
    txid = world.send_replaceable(rail, rail.new_address(user_id).address, AMOUNT)
    rail.watch()
    set_aside(rail)
    return user_id, txid


def confirmed(rail: Rail) -> UUID:
    """The user of a payment that is set aside, confirmed and carried by suspense."""
    user_id, _ = seen(rail)
    rail.mine()
    rail.watch()
    assert (newest(rail).state, in_suspense(rail)) == ("quarantined", AMOUNT)
    return user_id


def nothing_is_theirs(rail: Rail, user_id: UUID) -> None:
    assert rail.balance(user_id) == (0, 0)
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_what_is_set_aside_is_carried_by_suspense_once_confirmed_and_credited_to_nobody(rail: Rail) -> None:
    user_id, _ = seen(rail)
    assert in_suspense(rail) == 0
    nothing_is_theirs(rail, user_id)
    rail.mine(7)
    rail.watch()
    rail.credit()
    assert in_suspense(rail) == AMOUNT
    assert world.standing(rail) == {"deposit_quarantined": "warning"}
    nothing_is_theirs(rail, user_id)


def test_it_stays_set_aside_when_its_block_leaves_the_chain_and_it_is_mined_again(rail: Rail) -> None:
    user_id = confirmed(rail)
    txid = rail.deposit().txid
    world.drop_blocks(rail, 1)
    world.mine_holding(rail, count=2)
    rail.watch()
    assert in_suspense(rail) == 0
    nothing_is_theirs(rail, user_id)
    world.mine_holding(rail, txid, count=7)
    rail.watch()
    assert (rail.deposit().state, in_suspense(rail)) == ("quarantined", AMOUNT)
    assert set(world.states(rail, rail.deposit().flow_id)) == {"seen", "quarantined", "reorged"}
    nothing_is_theirs(rail, user_id)


def test_it_stays_set_aside_when_it_was_replaced_and_is_mined_after_all(rail: Rail) -> None:
    user_id, txid = seen(rail)
    original = rail.node.call("getrawtransaction", txid)
    world.submit(rail, world.conflicting(rail, txid, rail.outside_address()))
    rail.watch()
    assert rail.deposit().state == "replaced"
    world.mine_holding(rail, original, count=7)
    rail.watch()
    assert (rail.deposit().state, in_suspense(rail)) == ("quarantined", AMOUNT)
    nothing_is_theirs(rail, user_id)


def test_one_that_is_set_aside_while_it_is_away_comes_back_set_aside(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = world.send_replaceable(rail, rail.new_address(user_id).address, AMOUNT)
    original = rail.node.call("getrawtransaction", txid)
    rail.watch()
    world.submit(rail, world.conflicting(rail, txid, rail.outside_address()))
    rail.watch()
    set_aside(rail)
    assert rail.deposit().state == "replaced"
    world.mine_holding(rail, original, count=7)
    rail.watch()
    assert rail.deposit().state == "quarantined"
    nothing_is_theirs(rail, user_id)


@pytest.mark.causes("deposit_quarantined")
def test_a_released_deposit_is_credited_once_and_a_fork_treats_it_like_any_other(rail: Rail) -> None:
    user_id = confirmed(rail)
    decide(rail, "release")
    rail.credit()
    assert (rail.deposit().state, in_suspense(rail), rail.balance(user_id)) == ("credited", 0, (AMOUNT, 0))
    assert world.standing(rail) == {}
    world.fork(rail, 1, rail.deposit().txid)
    rail.watch()
    rail.credit()
    assert (rail.deposit().state, rail.balance(user_id)) == ("credited", (AMOUNT, 0))
    assert rail.compare() == "ok"
    rail.assert_sound()


def test_one_that_is_released_before_it_confirms_waits_for_its_blocks(rail: Rail) -> None:
    user_id, _ = seen(rail)
    decide(rail, "release")
    assert rail.deposit().state == "seen"
    rail.mine()
    rail.watch()
    assert rail.balance(user_id) == (AMOUNT, 0)
    rail.assert_sound()


def test_nothing_that_is_credited_can_be_set_aside_and_nothing_is_decided_twice_or_by_its_owner(rail: Rail) -> None:
    user_id = confirmed(rail)
    with pytest.raises(deposits.SelfDecision):
        decide(rail, "release", user_id)
    decide(rail, "release")
    with pytest.raises(WrongState):
        decide(rail, "release")
    rail.credit()
    with pytest.raises(WrongState):
        set_aside(rail)


def test_its_owner_learns_that_it_is_set_aside_and_not_of_what_they_are_suspected(rail: Rail) -> None:
    confirmed(rail)
    decide(rail, "release")
    with rail.container.reading() as session:
        told = [event.detail for event in flows.events_of(session, rail.deposit().flow_id)]
        [kept] = deposits.of_deposits(session, [rail.deposit().id]).values()
    assert {"set_aside": "yes"} in told
    assert {"decision": "release"} in told
    assert not {word for detail in told for word in ("operator", "on a list", "fine") if word in str(detail)}
    assert (kept.reason, kept.decision_reason) == ("on a list", "fine")


def test_setting_aside_twice_keeps_the_first_cause(rail: Rail) -> None:
    seen(rail)
    set_aside(rail, cause="another_list")
    with rail.container.reading() as session:
        [row] = deposits.of_deposits(session, [rail.deposit().id]).values()
        assert [item.id for item in deposits.undecided(session, after=None, limit=5)] == [rail.deposit().id]
    assert row.cause == "operator"


def test_a_return_pays_the_sender_and_its_owner_can_neither_spend_nor_stop_it(rail: Rail) -> None:
    user_id = confirmed(rail)
    destination = rail.outside_address()
    pay_back(rail, destination)
    assert (rail.deposit().state, rail.balance(user_id)) == ("returned", (0, AMOUNT))
    with pytest.raises(WrongState), rail.container.transaction() as session:
        withdrawals.cancel(session, rail.withdrawal().id, user_id=user_id, now=rail.container.now(), by=BY)
    assert rail.withdrawal().state == "approved"
    fund_hot_wallet(rail)
    rail.pay()
    rail.mine(6)
    rail.watch()
    assert (rail.withdrawal().state, rail.received(destination, 1)) == ("completed", AMOUNT)
    assert in_suspense(rail) == 0
    nothing_is_theirs(rail, user_id)


def test_nobody_alone_sets_a_deposit_aside_and_sends_it_where_they_like(rail: Rail) -> None:
    confirmed(rail)
    decide(rail, rail.outside_address())
    assert (rail.withdrawal().state, rail.withdrawal().approvals_needed) == ("pending_approval", 2)
    assert rail.pay() == 0
    assert outgoing.approve(rail, rail.withdrawal().id).state == "approved"


def screened(rail: Rail, *senders: str) -> None:
    """Have it be on record that these paid."""
    row = DepositScreening(deposit_id=newest(rail).id, verdict="hit", mode="list", senders=list(senders), attempts=0)
    row.checked_at = rail.container.now()
    with rail.container.transaction() as session:
        session.add(row)


def test_one_approver_pays_a_small_deposit_back_to_the_one_who_is_known_to_have_paid(rail: Rail) -> None:
    confirmed(rail)
    sender = rail.outside_address()
    screened(rail, sender)
    decide(rail, sender)
    assert (rail.withdrawal().state, rail.withdrawal().approvals_needed) == ("approved", 1)


def test_of_several_senders_one_may_be_the_approver(rail: Rail) -> None:
    confirmed(rail)
    mine = rail.outside_address()
    screened(rail, mine, rail.outside_address())
    decide(rail, mine)
    assert rail.withdrawal().state == "pending_approval"


def test_a_return_is_nothing_that_its_owner_asked_for_and_leaves_their_daily_limit_as_it_was(rail: Rail) -> None:
    user_id = confirmed(rail)
    pay_back(rail, rail.outside_address())
    rail.fund(user_id, AMOUNT)
    world.set_policy(rail, daily_user_limit_minor=AMOUNT // 2)
    rail.request(user_id, AMOUNT // 2)
    with pytest.raises(DailyLimitExceeded):
        rail.request(user_id, COIN // 1000)


def test_what_is_set_aside_makes_up_for_no_loss_of_the_owners(rail: Rail) -> None:
    confirmed(rail)
    booked = {"owner_funding": ("hot_wallet", "owner_equity", COIN), "a_loss": ("suspense", "hot_wallet", AMOUNT)}
    with rail.container.transaction() as session:
        for kind, (debit, credit, minor) in booked.items():
            left, right = (ledger.system_account(session, code, rail.asset_id) for code in (debit, credit))
            moved = Transfer(debit_account=left, credit_account=right, amount_minor=minor)
            ledger.post_one(session, Transaction(kind, kind, (moved,), rail.container.now()))
        assert conversions.owned(session, rail.asset_id) == COIN - AMOUNT


def fund_hot_wallet(rail: Rail) -> None:
    """Have somebody else's deposit pay for the network fee."""
    rail.send_to(rail.new_address(rail.new_user()).address, COIN)
    rail.mine(6)
    rail.watch()


def test_a_return_cannot_leave_before_the_deposit_is_final(rail: Rail) -> None:
    seen(rail)
    with pytest.raises(WrongState):
        decide(rail, rail.outside_address())
    assert rail.count(Withdrawal) == 0


def test_a_rejected_return_goes_back_to_suspense_and_can_be_decided_about_again(rail: Rail) -> None:
    user_id = confirmed(rail)
    first = rail.new_user()
    decide(rail, rail.outside_address(), first)
    assert rail.withdrawal().state == "pending_approval"
    with pytest.raises(deciding.AlreadyDecided), rail.container.transaction() as session:
        withdrawals.approve(session, rail.withdrawal().id, approver_id=first, now=rail.container.now(), by=BY)
    with rail.container.transaction() as session:
        withdrawals.reject(
            session,
            rail.withdrawal().id,
            approver_id=rail.new_user(),
            reason="wrong address",
            now=rail.container.now(),
            by=BY,
        )
    assert (rail.deposit().state, in_suspense(rail)) == ("quarantined", AMOUNT)
    nothing_is_theirs(rail, user_id)
    decide(rail, "release")
    rail.credit()
    assert rail.balance(user_id) == (AMOUNT, 0)
    rail.assert_sound()


def test_a_return_is_rejected_while_a_fork_undoes_its_deposit_and_neither_fails(rail: Rail) -> None:
    user_id, _ = seen(rail)
    deposit, rejecter = newest(rail), rail.new_user()
    # So that the fork also takes something from the same balance.
    rail.send_to(rail.new_address(user_id).address, AMOUNT)
    rail.mine()
    rail.watch()
    with rail.container.transaction() as session:
        elsewhere, decider_id, now = rail.outside_address(), rail.new_user(), rail.container.now()
        deposits.give_back(
            session, deposit.id, destination=elsewhere, decider_id=decider_id, reason="no", now=now, by=BY
        )
    withdrawal, undone = rail.withdrawal(), rail.rows(Deposit)

    def reject() -> None:
        with rail.container.transaction() as session:
            now = rail.container.now()
            withdrawals.reject(session, withdrawal.id, approver_id=rejecter, reason="no", now=now, by=BY)

    def is_waiting() -> bool:
        with rail.container.reading() as session:
            return bool(session.scalar(text(WAITING)))

    with ThreadPoolExecutor(1) as threads:
        with rail.container.transaction() as session:
            # What a fork locks first: whoever rejects then waits for it, and must not have what it needs next.
            session.scalars(select(Deposit).order_by(Deposit.id).with_for_update()).all()
            meanwhile = threads.submit(reject)
            eventually(is_waiting)
            height = min(one.block_height or 0 for one in undone) - 1
            deposits.undo_above(session, deposit.chain, height, now=rail.container.now(), by=BY)
        meanwhile.result()
    assert {row.state for row in rail.rows(Deposit)} == {"reorged"}
    assert (rail.withdrawal().state, in_suspense(rail)) == ("rejected", 0)
    assert rail.balance(user_id) == (0, 0)
    rail.assert_sound()


@pytest.mark.causes("returned_deposit_undone")
def test_a_fork_that_undoes_a_returned_deposit_raises_an_alert_until_it_confirms_again(rail: Rail) -> None:
    fund_hot_wallet(rail)
    user_id = confirmed(rail)
    txid = newest(rail).txid
    pay_back(rail, rail.outside_address())
    world.drop_blocks(rail, 1)
    world.mine_holding(rail, count=2)
    rail.watch()
    assert (newest(rail).state, in_suspense(rail)) == ("quarantined", -AMOUNT)
    assert world.standing(rail) == {"returned_deposit_undone": "critical"}
    assert rail.pay() == 0, "nobody is paid back what may never come"
    rail.assert_sound()
    world.mine_holding(rail, txid)
    rail.watch()
    assert (newest(rail).state, in_suspense(rail), world.standing(rail)) == ("returned", 0, {})
    assert rail.balance(user_id) == (0, AMOUNT)
    assert rail.pay() == 1
    rail.assert_sound()


def test_a_fork_that_comes_while_a_return_is_being_signed_keeps_it_here(rail: Rail) -> None:
    fund_hot_wallet(rail)
    user_id = confirmed(rail)
    txid, destination = newest(rail).txid, rail.outside_address()
    pay_back(rail, destination)

    def undo() -> None:
        world.drop_blocks(rail, 1)
        world.mine_holding(rail, count=2)
        rail.watch()

    with world.reached_at(rail, outgoing.signed_late(rail, undo)):
        assert rail.pay() == 0
    assert (rail.withdrawal().state, rail.count(Payout)) == ("approved", 0)
    world.mine_holding(rail, txid)
    rail.watch()
    assert rail.pay() == 1
    rail.mine()
    rail.watch()
    assert (rail.withdrawal().state, rail.received(destination, 1)) == ("completed", AMOUNT)
    nothing_is_theirs(rail, user_id)


def test_the_database_refuses_a_credit_of_what_is_set_aside(rail: Rail) -> None:
    confirmed(rail)
    with pytest.raises(Exception, match="quarantined_until_released"), rail.container.transaction() as session:
        session.execute(update(Deposit).values(state="confirming"))

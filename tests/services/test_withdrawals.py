"""Withdrawals up to the decision to send: what is held, who must agree, and what is refused by name."""

from datetime import timedelta
from uuid import UUID

import pytest

from auth import roles
from domain.errors import StrongroomError
from domain.flows import WrongState
from domain.ids import new_id
from domain.ledger import InsufficientFunds
from domain.ports import Chain
from models.audit import AuditLog
from models.flow import Flow, FlowEvent
from models.payout import Payout
from models.user import UserKey
from models.withdrawal import Withdrawal, WithdrawalApproval
from services import withdrawals
from services.withdrawals.deciding import AlreadyDecided, SelfApproval
from services.withdrawals.policy import (
    AmountBelowMinimum,
    DailyLimitExceeded,
    DestinationNotAllowed,
    KeyCooldown,
    SystemLimitExceeded,
    WithdrawalsPaused,
)
from tasks.withdrawals import pay_chain
from tests.rail import BY, COIN, Rail
from tests.services import outgoing, world
from tests.services.outgoing import AUTO, FEE, TWO


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def refused(
    rail: Rail, refusal: type[StrongroomError], user_id: UUID, amount_minor: int, to: str | None = None
) -> None:
    """A request that is refused by name and leaves nothing behind."""
    before = rail.count(Flow), rail.count(FlowEvent), rail.count(Withdrawal), rail.balance(user_id)
    with pytest.raises(refusal):
        rail.request(user_id, amount_minor, to)
    assert (rail.count(Flow), rail.count(FlowEvent), rail.count(Withdrawal), rail.balance(user_id)) == before


def test_a_small_withdrawal_is_approved_by_the_policy_and_its_funds_are_held_at_once(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    withdrawal = rail.request(user_id, AUTO)
    assert (withdrawal.state, withdrawal.approvals_needed) == ("approved", 0)
    assert rail.balance(user_id) == (2 * COIN - AUTO - FEE, AUTO + FEE)
    assert world.states(rail, withdrawal.flow_id) == ["requested", "approved"]


def test_one_approver_lets_a_larger_withdrawal_proceed(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    withdrawal = rail.request(user_id, AUTO + 1)
    assert withdrawal.state == "pending_approval"
    assert rail.pay() == 0
    assert outgoing.approve(rail, withdrawal.id).state == "approved"
    assert rail.pay() == 1
    assert world.states(rail, withdrawal.flow_id)[:4] == ["requested", "pending_approval", "approved", "signed"]


def test_two_different_approvers_are_needed_from_the_threshold_on(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), TWO)
    first = rail.new_user()
    assert outgoing.approve(rail, withdrawal.id, first).state == "pending_approval"
    with pytest.raises(AlreadyDecided):
        outgoing.approve(rail, withdrawal.id, first)
    assert rail.pay() == 0
    assert outgoing.approve(rail, withdrawal.id).state == "approved"
    assert world.notes(rail, withdrawal.flow_id) == [{"approvals": 1, "approvals_needed": 2}]
    assert rail.count(WithdrawalApproval) == 2


def test_an_approval_ends_with_the_right_to_give_it(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), TWO)
    first = rail.new_user()
    outgoing.approve(rail, withdrawal.id, first)
    with rail.container.transaction() as session:
        roles.revoke(session, first, "approver")
    assert outgoing.approve(rail, withdrawal.id).state == "pending_approval"
    assert outgoing.approve(rail, withdrawal.id).state == "approved"


def test_a_policy_that_became_stricter_counts_for_what_waits(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), TWO - 1)
    world.set_policy(rail, two_approvals_above_minor=TWO // 2)
    assert outgoing.approve(rail, withdrawal.id).state == "pending_approval"
    world.set_policy(rail, two_approvals_above_minor=TWO)
    assert outgoing.approve(rail, withdrawal.id).state == "approved"


def test_nobody_decides_about_their_own_withdrawal(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    withdrawal = rail.request(user_id, TWO)
    with pytest.raises(SelfApproval):
        outgoing.approve(rail, withdrawal.id, user_id)
    with pytest.raises(SelfApproval):
        outgoing.reject(rail, withdrawal.id, user_id)
    assert rail.withdrawal().state == "pending_approval"


def test_an_approved_withdrawal_cannot_be_approved_again(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    with pytest.raises(WrongState):
        outgoing.approve(rail, withdrawal.id)


def test_a_rejected_withdrawal_gives_everything_back(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    withdrawal = rail.request(user_id, TWO)
    assert outgoing.reject(rail, withdrawal.id).state == "rejected"
    assert rail.balance(user_id) == (2 * COIN, 0)
    assert world.states(rail, withdrawal.flow_id)[-1] == "rejected"
    with pytest.raises(WrongState):
        outgoing.reject(rail, withdrawal.id)
    assert rail.pay() == 0
    rail.assert_sound()


def test_an_approver_may_change_their_mind_while_nothing_is_signed(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO + 1)
    approver = rail.new_user()
    outgoing.approve(rail, withdrawal.id, approver)
    outgoing.reject(rail, withdrawal.id, approver)
    decisions = [row.detail["decision"] for row in rail.rows(AuditLog) if row.event == "withdrawal.decided"]
    assert decisions == ["approve", "reject"]


@pytest.mark.parametrize("amount_minor", [AUTO, TWO])
def test_its_owner_may_cancel_a_withdrawal_that_is_not_signed(rail: Rail, amount_minor: int) -> None:
    user_id = outgoing.funded(rail)
    withdrawal = rail.request(user_id, amount_minor)
    assert outgoing.cancel(rail, withdrawal).state == "cancelled"
    assert rail.balance(user_id) == (2 * COIN, 0)
    assert rail.pay() == 0
    with pytest.raises(WrongState):
        outgoing.cancel(rail, withdrawal)
    with pytest.raises(WrongState):
        outgoing.approve(rail, withdrawal.id)
    rail.assert_sound()


def test_nobody_cancels_the_withdrawal_of_another(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    with pytest.raises(withdrawals.WithdrawalNotFound), rail.container.transaction() as session:
        withdrawals.cancel(session, withdrawal.id, user_id=new_id(), now=rail.container.now(), by=BY)


def test_a_signed_withdrawal_cannot_be_cancelled_or_rejected(rail: Rail) -> None:
    withdrawal = rail.request(outgoing.funded(rail), AUTO)
    with world.reached_at(rail, outgoing.gone_at_broadcast(rail)):
        rail.pay()
    assert rail.withdrawal().state == "signed"
    with pytest.raises(WrongState):
        outgoing.cancel(rail, withdrawal)
    with pytest.raises(WrongState):
        outgoing.reject(rail, withdrawal.id)


def test_a_withdrawal_cancelled_while_its_payment_is_built_is_not_paid(rail: Rail) -> None:
    user_id = outgoing.funded(rail, parts=2)
    cancelled, other = rail.request(user_id, AUTO), rail.request(user_id, AUTO // 2)
    real = rail.chain

    class Meanwhile(outgoing.Wrapped):
        def build(self, *arguments: object, **options: object) -> object:
            signed = self._chain.build(*arguments, **options)  # type: ignore[arg-type]
            if outgoing.one(rail, cancelled.id).state == "approved":
                outgoing.cancel(rail, cancelled)
            return signed

    chain: Chain = Meanwhile(real)  # type: ignore[assignment]
    assert pay_chain(rail.container, chain, BY) == 1
    assert (outgoing.one(rail, cancelled.id).state, outgoing.one(rail, other.id).state) == ("cancelled", "broadcast")
    assert rail.received(cancelled.destination) == 0
    assert outgoing.sent_once(rail, other.destination, AUTO // 2)
    rail.assert_sound()


def test_more_than_is_available_is_refused(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    refused(rail, InsufficientFunds, user_id, 2 * COIN - FEE + 1)
    rail.request(user_id, 2 * COIN - FEE)
    refused(rail, InsufficientFunds, user_id, COIN // 100)


def test_less_than_the_minimum_or_dust_is_refused(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    refused(rail, AmountBelowMinimum, user_id, COIN // 1000 - 1)
    world.set_policy(rail, minimum_minor=1)
    refused(rail, AmountBelowMinimum, user_id, rail.chain.network.dust_limit_minor - 1)
    rail.request(user_id, rail.chain.network.dust_limit_minor)


def test_the_daily_limit_of_a_user_counts_a_sliding_day_and_what_came_to_nothing_not_at_all(rail: Rail) -> None:
    world.set_policy(rail, daily_user_limit_minor=AUTO)
    user_id = outgoing.funded(rail)
    first = rail.request(user_id, AUTO)
    refused(rail, DailyLimitExceeded, user_id, COIN // 1000)
    outgoing.cancel(rail, first)
    rail.request(user_id, AUTO - COIN // 1000)
    rail.request(user_id, COIN // 1000)
    refused(rail, DailyLimitExceeded, user_id, COIN // 1000)
    world.travel(rail, timedelta(days=1, seconds=1))
    rail.request(user_id, AUTO)


def test_the_daily_limit_of_the_house_counts_everybody(rail: Rail) -> None:
    world.set_policy(rail, daily_system_limit_minor=AUTO)
    world.stop_the_clock(rail)
    one, other = outgoing.funded(rail), outgoing.funded(rail)
    first = rail.request(one, AUTO)
    refused(rail, SystemLimitExceeded, other, COIN // 1000)
    outgoing.reject(rail, first.id)
    rail.request(other, AUTO)
    refused(rail, SystemLimitExceeded, one, COIN // 1000)


def test_the_limit_of_the_house_is_exact_however_its_shares_were_used(rail: Rail) -> None:
    part = COIN // 100
    world.set_policy(rail, daily_system_limit_minor=50 * part)
    world.stop_the_clock(rail)
    user_id = outgoing.funded(rail)
    first = rail.request(user_id, 33 * part)  # more than any share
    for _ in range(17):
        rail.request(user_id, part)
    refused(rail, SystemLimitExceeded, user_id, part)
    outgoing.cancel(rail, first)
    rail.request(user_id, 32 * part)
    refused(rail, SystemLimitExceeded, user_id, part + 1)
    world.set_policy(rail, daily_system_limit_minor=49 * part)
    refused(rail, SystemLimitExceeded, user_id, part)
    world.set_policy(rail, daily_system_limit_minor=51 * part)
    rail.request(user_id, 2 * part)
    refused(rail, SystemLimitExceeded, user_id, part)


def test_what_was_asked_for_while_the_house_had_no_limit_is_not_taken_off_its_day(rail: Rail) -> None:
    world.stop_the_clock(rail)
    user_id = outgoing.funded(rail)
    before = rail.request(user_id, AUTO)
    world.set_policy(rail, daily_system_limit_minor=AUTO)
    counted = rail.request(user_id, AUTO)
    outgoing.cancel(rail, before)
    refused(rail, SystemLimitExceeded, user_id, COIN // 1000)
    world.set_policy(rail, daily_system_limit_minor=None)
    outgoing.cancel(rail, counted)
    world.set_policy(rail, daily_system_limit_minor=AUTO)
    rail.request(user_id, AUTO)


def test_only_destinations_on_the_list_for_long_enough_are_paid(rail: Rail) -> None:
    world.set_policy(rail, allowlist_only=True, key_cooldown_s=3600)
    user_id, destination = outgoing.funded(rail), rail.outside_address()
    refused(rail, DestinationNotAllowed, user_id, AUTO, destination)
    with rail.container.transaction() as session:
        facts = {"user_id": user_id, "asset_id": rail.asset_id, "destination": destination.upper()}
        withdrawals.allow(session, **facts, now=rail.container.now(), by=BY)  # type: ignore[arg-type]
    refused(rail, DestinationNotAllowed, user_id, AUTO, destination)
    world.travel(rail, timedelta(hours=1))
    assert rail.request(user_id, AUTO, destination).destination == destination
    refused(rail, DestinationNotAllowed, user_id, AUTO)


def test_withdrawals_cool_down_after_a_change_of_keys(rail: Rail) -> None:
    world.set_policy(rail, key_cooldown_s=3600)
    user_id = outgoing.funded(rail)

    def add_key(name: str) -> None:
        with rail.container.transaction() as session:
            key = UserKey(id=new_id(), user_id=user_id, kind="public_key", subject=str(new_id()), name=name)
            key.added_at = rail.container.now()
            session.add(key)

    add_key("the one this account was made with")
    rail.request(user_id, COIN // 100)
    world.travel(rail, timedelta(minutes=1))
    add_key("another")
    refused(rail, KeyCooldown, user_id, COIN // 100)
    world.travel(rail, timedelta(hours=1))
    rail.request(user_id, COIN // 100)


def test_paused_withdrawals_are_refused_and_approved_ones_stay_where_they_are(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    rail.request(user_id, AUTO)
    with rail.container.transaction() as session:
        withdrawals.pause(session, rail.asset_id, now=rail.container.now(), by=BY)
    refused(rail, WithdrawalsPaused, user_id, AUTO)
    assert rail.pay() == 0
    assert rail.count(Payout) == 0
    assert rail.withdrawal().waiting_reason == "withdrawals_paused"
    with rail.container.transaction() as session:
        withdrawals.resume(session, rail.asset_id, now=rail.container.now(), by=BY)
    assert rail.withdrawal().waiting_reason is None
    assert rail.pay() == 1


def test_a_pause_stops_what_is_being_built_and_what_was_stored_and_never_offered(rail: Rail) -> None:
    user_id = outgoing.funded(rail, parts=2)
    stored = rail.request(user_id, AUTO)
    with world.reached_at(rail, outgoing.gone_at_broadcast(rail)):
        rail.pay()
    rail.request(user_id, AUTO // 2)

    class Meanwhile(outgoing.Wrapped):
        def build(self, *arguments: object, **options: object) -> object:
            with rail.container.transaction() as session:
                withdrawals.pause(session, rail.asset_id, now=rail.container.now(), by=BY)
            return self._chain.build(*arguments, **options)  # type: ignore[arg-type]

    with world.reached_at(rail, Meanwhile(rail.chain)):  # type: ignore[arg-type]
        assert rail.pay() == 0
    world.travel(rail, outgoing.A_WHILE)
    assert (rail.pay(), rail.send()) == (0, 0)
    found = outgoing.one(rail, stored.id)
    assert (found.state, found.waiting_reason, rail.count(Payout)) == ("signed", "withdrawals_paused", 1)
    with rail.container.transaction() as session:
        withdrawals.resume(session, rail.asset_id, now=rail.container.now(), by=BY)
    assert (rail.send(), rail.pay()) == (1, 1)
    assert [payout.state for payout in rail.rows(Payout)] == ["broadcast", "broadcast"]
    assert outgoing.one(rail, stored.id).waiting_reason is None
    rail.assert_sound()

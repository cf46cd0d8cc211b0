"""Flow events: written with what they describe, or not at all."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from domain.flows import DEPOSIT, WITHDRAWAL, WrongState
from domain.flows import move as allowed
from models.deposit import Deposit, FundingObservation
from models.flow import Flow, FlowEvent
from models.ledger import LedgerTransaction
from models.withdrawal import Withdrawal, WithdrawalApproval
from models.work import OutboxMessage
from services import deposits, flows, payouts, withdrawals
from tests.rail import BY, COIN, Rail
from tests.services import outgoing, world
from tests.services.outgoing import AUTO

RECORDED = (Flow, FlowEvent, Deposit, FundingObservation, Withdrawal, WithdrawalApproval, LedgerTransaction)


class PowerCut(Exception):
    """Ends a transaction before it commits."""


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def leaves_nothing(rail: Rail, work: Callable[[Session], object]) -> None:
    """Assert that a transaction which did this work and rolled back left no trace."""
    before = [rail.count(model) for model in (*RECORDED, OutboxMessage)], snapshot(rail)
    with pytest.raises(PowerCut), rail.container.transaction() as session:
        _and_fail(session, work)
    assert ([rail.count(model) for model in (*RECORDED, OutboxMessage)], snapshot(rail)) == before


def _and_fail(session: Session, work: Callable[[Session], object]) -> None:
    work(session)
    session.flush()
    raise PowerCut


def snapshot(rail: Rail) -> list[tuple[str, str]]:
    return [(str(row.id), row.state) for model in (Deposit, Withdrawal) for row in rail.rows(model)]


def test_a_rollback_leaves_no_event_of_a_request_an_approval_or_a_rejection(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    now, destination, approver = rail.container.now(), rail.outside_address(), rail.new_user()
    leaves_nothing(
        rail,
        lambda session: withdrawals.request(
            session,
            user_id=user_id,
            asset_id=rail.asset_id,
            amount_minor=AUTO,
            destination=destination,
            now=now,
            by=BY,
        ),
    )
    pending = rail.request(user_id, COIN).id
    leaves_nothing(rail, lambda session: withdrawals.approve(session, pending, approver_id=approver, now=now, by=BY))
    leaves_nothing(
        rail, lambda session: withdrawals.reject(session, pending, approver_id=approver, reason="", now=now, by=BY)
    )
    leaves_nothing(rail, lambda session: withdrawals.cancel(session, pending, user_id=user_id, now=now, by=BY))


def test_a_rollback_leaves_no_event_of_a_credit_or_a_settlement(rail: Rail) -> None:
    name = rail.chain.network.chain
    world.set_asset(rail, confirmation_tiers=[[None, 2]])
    rail.send_to(rail.new_address(rail.new_user()).address, COIN)
    rail.mine()
    rail.watch()
    with rail.container.transaction() as session:
        session.execute(update(Deposit).values(confirmations_needed=1))
    leaves_nothing(rail, lambda session: deposits.credit_due(session, name, now=rail.container.now(), by=BY))
    rail.credit()
    world.set_policy(rail, confirmations=2)
    rail.request(rail.deposit().user_id, AUTO)
    rail.pay()
    rail.mine()
    rail.watch()
    world.set_policy(rail, confirmations=1)
    leaves_nothing(rail, lambda session: payouts.settle_due(session, name, now=rail.container.now(), by=BY))
    rail.settle()
    assert rail.withdrawal().state == "completed"


def test_every_event_of_a_story_is_a_move_of_its_table_made_in_order_and_by_somebody(rail: Rail) -> None:
    user_id = outgoing.funded(rail)
    withdrawal = rail.request(user_id, COIN)
    outgoing.approve(rail, withdrawal.id)
    outgoing.approve(rail, withdrawal.id)
    with world.reached_at(rail, outgoing.answer_lost(rail)):
        rail.pay()
    world.travel(rail, timedelta(minutes=11))
    rail.send()
    rail.mine()
    rail.watch()
    with rail.container.reading() as session:
        for kind, item in ((DEPOSIT, rail.deposit()), (WITHDRAWAL, rail.withdrawal())):
            events = flows.events_of(session, item.flow_id)
            assert events[0].state in kind.initial
            for event in events[1:]:
                if event.from_state != event.state:
                    allowed(kind, str(event.from_state), event.state)
            assert [event.at for event in events] == sorted(event.at for event in events)
            assert {event.actor for event in events} == {"test"}
            flow = session.get_one(Flow, item.flow_id)
            assert (flow.state, flow.closed_at is not None) == (item.state, True)
            assert flow.state_since == events[-1].at


def test_a_move_that_the_table_does_not_list_is_recorded_nowhere(rail: Rail) -> None:
    outgoing.funded(rail)
    before = rail.count(FlowEvent)
    step = flows.Step(rail.deposit().flow_id, DEPOSIT, "credited", "seen")
    with pytest.raises(WrongState), rail.container.transaction() as session:
        flows.record(session, step, now=rail.container.now(), by=BY)
    assert rail.count(FlowEvent) == before

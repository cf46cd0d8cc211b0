"""What goes wrong with money on its way: each cause raises its alert, and its end clears it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from domain.alert_rules import RULES
from models.chain import ChainCursor
from services import alerts
from services.ledger.seals import seal
from tests import horizon
from tests.alerts.looking import look, standing
from tests.databases import Database
from tests.rail import COIN, Rail
from tests.services import outgoing, world
from tests.services.outgoing import A_WHILE, AUTO


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def incoming(rail: Rail) -> None:
    rail.send_to(rail.new_address(rail.new_user()).address, COIN)
    rail.watch()


def test_a_deposit_that_does_not_confirm_is_told_of_until_it_does(rail: Rail) -> None:
    incoming(rail)
    assert look(rail.container, "funding_seen_unconfirmed") == set()
    world.travel(rail, timedelta(hours=3))
    scope = f"deposit:{rail.deposit().id}"
    assert look(rail.container, "funding_seen_unconfirmed") == {scope}
    assert look(rail.container, "flow_stuck") == {f"flow:{rail.deposit().flow_id}"}
    rail.mine()
    rail.watch()
    world.travel(rail, timedelta(minutes=10))
    assert look(rail.container, "funding_seen_unconfirmed") == set()
    assert look(rail.container, "flow_stuck") == set()


def test_a_deposit_that_confirms_for_too_long_is_told_of_until_it_is_credited(rail: Rail) -> None:
    world.set_asset(rail, confirmation_tiers=[[None, 3]])
    incoming(rail)
    rail.mine()
    rail.watch()
    world.travel(rail, timedelta(hours=5))
    assert look(rail.container, "funding_stuck") == {f"deposit:{rail.deposit().id}"}
    assert look(rail.container, "funding_confirmed_credit_pending") == set()
    with rail.container.transaction() as session:  # it has its confirmations, and nobody credits
        session.execute(update(ChainCursor).values(height=ChainCursor.height + 2))
    assert look(rail.container, "funding_confirmed_credit_pending") == {f"deposit:{rail.deposit().id}"}
    rail.credit()
    assert rail.deposit().state == "credited"
    world.travel(rail, timedelta(minutes=10))
    assert look(rail.container, "funding_confirmed_credit_pending") == set()
    assert look(rail.container, "funding_stuck") == set()


def test_while_the_node_is_known_to_be_down_what_follows_from_it_is_not_told_of(rail: Rail) -> None:
    incoming(rail)
    world.travel(rail, timedelta(hours=3))
    now, chain = rail.container.now(), rail.chain.rail.chain
    with rail.container.transaction() as session:
        alerts.raise_alert(session, "chain_source_stale", scope=chain, severity="warning", reason="down", now=now)
    assert look(rail.container, "funding_seen_unconfirmed") == set()
    world.travel(rail, timedelta(minutes=10))
    with rail.container.transaction() as session:
        alerts.clear(session, "chain_source_stale", scope=chain, now=rail.container.now(), reason="up")
    assert look(rail.container, "funding_seen_unconfirmed") == {f"deposit:{rail.deposit().id}"}


def test_a_payment_that_the_node_refuses_is_told_of_until_it_is_taken(rail: Rail) -> None:
    rail.request(outgoing.funded(rail), AUTO)
    with world.reached_at(rail, outgoing.rejects(rail)):
        rail.pay()
    assert look(rail.container, "executor_submission_failed") == {f"payout:{rail.payout().id}"}
    world.travel(rail, A_WHILE)
    assert rail.send() == 1
    assert look(rail.container, "executor_submission_failed") == set()


def test_withdrawals_that_do_not_leave_are_told_of_until_they_are_few(rail: Rail) -> None:
    user_id = outgoing.funded(rail, 10 * COIN)
    asked = [rail.request(user_id, AUTO * 2) for _ in range(RULES["withdrawal_stuck"].threshold + 1)]
    assert look(rail.container, "withdrawal_stuck") == set()
    world.travel(rail, timedelta(minutes=31))
    assert look(rail.container, "withdrawal_stuck") == {"withdrawals:all"}
    outgoing.cancel(rail, asked[0])
    world.travel(rail, timedelta(minutes=10))
    assert look(rail.container, "withdrawal_stuck") == set()


def test_a_wallet_that_cannot_be_read_is_told_of_until_it_can(rail: Rail) -> None:
    rail.compare()
    assert look(rail.container, "inventory_snapshot_stale") == set()
    world.travel(rail, timedelta(minutes=6))
    assert look(rail.container, "inventory_snapshot_stale") == {f"asset:{rail.asset_id}"}
    world.travel(rail, timedelta(minutes=2))
    rail.compare()
    assert look(rail.container, "inventory_snapshot_stale") == set()


def test_an_altered_row_under_a_seal_is_told_of_until_it_is_restored(
    rail: Rail, raw: Callable[..., Any], own_database: Database
) -> None:
    outgoing.funded(rail)
    horizon.reached(rail.container.engine)
    for _ in range(3):
        with rail.container.transaction() as session:
            seal(session)
    assert look(rail.container, "seal_broken") == set()
    _alter(raw, own_database, "amount + 1")
    world.travel(rail, timedelta(minutes=10))
    assert look(rail.container, "seal_broken") == {"ledger:seals"}
    _alter(raw, own_database, "amount - 1")
    world.travel(rail, timedelta(minutes=10))
    assert look(rail.container, "seal_broken") == set()
    with rail.container.reading() as session:
        assert session.execute(text("SELECT count(*) FROM alert_states")).scalar_one() == 0
    assert standing(rail.container, "seal_broken") == set()


def _alter(raw: Callable[..., Any], database: Database, amount: str) -> None:
    with raw(database.superuser_url) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(f"UPDATE ledger_transfers SET amount = {amount}")
        connection.commit()

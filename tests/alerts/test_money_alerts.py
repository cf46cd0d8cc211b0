"""What goes wrong with money on its way: each cause raises its alert, and its end clears it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domain.alert_rules import RULES
from services import checking, screening
from tasks import ledger as ledger_tasks
from tests import horizon
from tests.alerts.looking import look, standing
from tests.databases import Database
from tests.rail import BY, COIN, Rail
from tests.services import outgoing, world
from tests.services.outgoing import A_WHILE, AUTO
from tests.services.test_chain_sources import NOWHERE
from tests.waiting import eventually


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def incoming(rail: Rail) -> None:
    rail.send_to(rail.new_address(rail.new_user()).address, COIN)
    rail.watch()


@pytest.mark.causes("funding_seen_unconfirmed", "flow_stuck")
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


@pytest.mark.causes("funding_stuck", "funding_confirmed_credit_pending")
def test_a_deposit_that_confirms_for_too_long_is_told_of_until_it_is_credited(rail: Rail) -> None:
    world.set_asset(rail, confirmation_tiers=[[None, 3]])
    demand_screening(rail, "hook")
    incoming(rail)
    rail.mine()
    rail.watch()
    world.travel(rail, timedelta(hours=5))
    assert look(rail.container, "funding_stuck") == {f"deposit:{rail.deposit().id}"}
    assert look(rail.container, "funding_confirmed_credit_pending") == set()
    rail.mine(2)
    rail.watch()
    assert rail.deposit().state == "confirming"  # it has its confirmations, and nobody has screened it
    assert look(rail.container, "funding_confirmed_credit_pending") == {f"deposit:{rail.deposit().id}"}
    demand_screening(rail, "off")
    rail.credit()
    assert rail.deposit().state == "credited"
    world.travel(rail, timedelta(minutes=10))
    assert look(rail.container, "funding_confirmed_credit_pending") == set()
    assert look(rail.container, "funding_stuck") == set()


def demand_screening(rail: Rail, mode: str) -> None:
    """Have nothing credited before a service was asked, which there is none of; or have it credited as it is."""
    with rail.container.transaction() as session:
        screening.set_mode(session, rail.chain.rail.chain, mode, now=rail.container.now(), by=BY)


def test_while_the_node_is_known_to_be_down_what_follows_from_it_is_not_told_of(rail: Rail) -> None:
    incoming(rail)
    world.travel(rail, timedelta(hours=3))
    with world.reached_at(rail, world.elsewhere(rail, NOWHERE)):
        rail.watch()
    assert standing(rail.container, "chain_source_stale") == {f"chain:{rail.chain.rail.chain}"}
    assert look(rail.container, "funding_seen_unconfirmed") == set()
    world.travel(rail, timedelta(minutes=10))
    rail.watch()
    assert standing(rail.container, "chain_source_stale") == set()
    assert look(rail.container, "funding_seen_unconfirmed") == {f"deposit:{rail.deposit().id}"}


@pytest.mark.causes("executor_submission_failed")
def test_a_payment_that_the_node_refuses_is_told_of_until_it_is_taken(rail: Rail) -> None:
    rail.request(outgoing.funded(rail), AUTO)
    with world.reached_at(rail, outgoing.rejects(rail)):
        rail.pay()
    assert look(rail.container, "executor_submission_failed") == {f"payout:{rail.payout().id}"}
    world.travel(rail, A_WHILE)
    assert rail.send() == 1
    assert look(rail.container, "executor_submission_failed") == set()


@pytest.mark.causes("withdrawal_stuck")
def test_withdrawals_that_do_not_leave_are_told_of_until_they_are_few(rail: Rail) -> None:
    user_id = outgoing.funded(rail, 10 * COIN)
    asked = [rail.request(user_id, AUTO * 2) for _ in range(RULES["withdrawal_stuck"].threshold + 1)]
    assert look(rail.container, "withdrawal_stuck") == set()
    world.travel(rail, timedelta(minutes=31))
    assert look(rail.container, "withdrawal_stuck") == {"withdrawals:all"}
    outgoing.cancel(rail, asked[0])
    world.travel(rail, timedelta(minutes=10))
    assert look(rail.container, "withdrawal_stuck") == set()


@pytest.mark.causes("inventory_snapshot_stale")
def test_a_wallet_that_cannot_be_read_is_told_of_until_it_can(rail: Rail) -> None:
    rail.compare()
    assert look(rail.container, "inventory_snapshot_stale") == set()
    world.travel(rail, timedelta(minutes=6))
    with world.reached_at(rail, world.elsewhere(rail, NOWHERE)):
        assert rail.compare() == "unknown"
    assert look(rail.container, "inventory_snapshot_stale") == {f"asset:{rail.asset_id}"}
    world.travel(rail, timedelta(minutes=2))
    rail.compare()
    assert look(rail.container, "inventory_snapshot_stale") == set()


def _seal_to_the_newest(rail: Rail) -> bool:
    ledger_tasks.seal.run.__wrapped__(rail.container, BY)
    with rail.container.reading() as session:
        sealed = "SELECT max(last_id) FROM ledger_seals WHERE subject = 'transfers'"
        return bool(session.execute(text(f"SELECT ({sealed}) = (SELECT max(id) FROM ledger_transfers)")).scalar_one())


@pytest.mark.causes("seal_broken")
def test_an_altered_row_under_a_seal_is_told_of_until_it_is_restored(
    rail: Rail, raw: Callable[..., Any], own_database: Database
) -> None:
    outgoing.funded(rail)
    # Others' open transactions may keep a row from being sealed for a while.
    eventually(lambda: _seal_to_the_newest(rail), what="the seal of the newest transfer")
    assert look(rail.container, "seal_broken") == set()
    with rail.container.reading() as session:
        seals = session.execute(text("SELECT count(*) FROM ledger_seals")).scalar_one()
    _alter(raw, own_database, "UPDATE ledger_transfers SET amount = amount + 1")
    told: set[str] = set()
    for _ in range(seals):  # each has its turn, which is the hour's to say
        world.travel(rail, RULES["seal_broken"].every)
        told = told or look(rail.container, "seal_broken")
    assert told == {"ledger:seals"}
    _alter(raw, own_database, "UPDATE ledger_transfers SET amount = amount - 1")
    world.travel(rail, timedelta(minutes=10))
    assert look(rail.container, "seal_broken") == set()
    with rail.container.reading() as session:
        assert session.execute(text("SELECT count(*) FROM alert_states")).scalar_one() == 0
    assert standing(rail.container, "seal_broken") == set()


@pytest.mark.causes("ledger_invariant_broken")
def test_a_total_that_somebody_altered_is_told_of_until_it_is_restored(
    rail: Rail, raw: Callable[..., Any], own_database: Database
) -> None:
    outgoing.funded(rail)

    def told(check: Any) -> int:
        check.run.__wrapped__(rail.container, BY)
        return len(standing(rail.container, "ledger_invariant_broken"))

    assert told(ledger_tasks.check_all) == 0
    assert told(ledger_tasks.check) == 0
    _alter(raw, own_database, "UPDATE ledger_accounts SET posted = posted + 1 WHERE version > 0")
    assert told(ledger_tasks.check) == 1
    _alter(raw, own_database, "UPDATE ledger_accounts SET posted = posted - 1 WHERE version > 0")
    # What is not new any more proves nothing; the day's check is due sooner while this stands.
    assert told(ledger_tasks.check) == 1
    world.travel(rail, timedelta(minutes=15))
    assert told(ledger_tasks.check_all) == 0


def test_a_deposit_that_stands_elsewhere_than_its_flow_is_found_by_what_moved_and_in_its_turn(
    rail: Rail, raw: Callable[..., Any], own_database: Database
) -> None:
    assert ledger_tasks.check.run.__wrapped__(rail.container, BY) == 0
    outgoing.funded(rail)
    horizon.reached(rail.container.engine)
    _alter(raw, own_database, "UPDATE flows SET state = 'confirming'")
    for there_were in (True, False):
        with rail.container.transaction() as session:
            found = checking.check_steps(session, owner="test", now=rail.container.now())
        assert (found[0], [finding.subject[:12] for finding in found[1]]) == (there_were, ["deposit flow"] * there_were)
    with rail.container.reading() as session:
        assert [finding.subject[:12] for finding in checking.check_newest(session)] == ["deposit flow"]
    ledger_tasks.check_all.run.__wrapped__(rail.container, BY)
    assert standing(rail.container, "ledger_invariant_broken") == {"ledger:books"}


@pytest.mark.causes("buffer_discrepancy")
def test_a_wallet_that_somebody_else_spends_from_is_told_of_until_it_is_made_good(rail: Rail) -> None:
    outgoing.funded(rail)
    spend = ("sendtoaddress", rail.outside_address(), rail.spell(COIN))
    txid = rail.node.call(*spend, wallet=outgoing.hot_wallet(rail))
    fee = int(abs(rail.node.call("gettransaction", txid, wallet=outgoing.hot_wallet(rail))["fee"]) * COIN)
    for _ in range(2):
        assert rail.compare() == "mismatch"
    assert standing(rail.container, "buffer_discrepancy") == set()  # once or twice may be a payment on its way
    assert rail.compare() == "mismatch"
    assert standing(rail.container, "buffer_discrepancy") == {f"asset:{rail.asset_id}"}
    with world.reached_at(rail, world.elsewhere(rail, NOWHERE)):
        assert rail.compare() == "unknown"
    assert standing(rail.container, "buffer_discrepancy") == {f"asset:{rail.asset_id}"}
    rail.send_to(rail.node.call("getnewaddress", wallet=outgoing.hot_wallet(rail)), COIN + fee)
    rail.mine()
    rail.watch()
    assert rail.compare() == "ok"
    assert standing(rail.container, "buffer_discrepancy") == set()


def _alter(raw: Callable[..., Any], database: Database, statement: str) -> None:
    """As the superuser, past every trigger."""
    with raw(database.superuser_url) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
        connection.commit()

"""A process that dies while it sets a deposit aside, or decides about one, leaves the money in one place."""

import signal
from uuid import UUID

import pytest

from models.withdrawal import Withdrawal
from services import deposits, ledger
from tests.dying import die_at
from tests.rail import BY, COIN, Rail
from tests.services import outgoing, world

KILLED = -signal.SIGKILL
AMOUNT = COIN // 2


@pytest.fixture(autouse=True)
def rules(rail: Rail) -> None:
    outgoing.usual_rules(rail)


def set_aside(rail: Rail) -> UUID:
    """The user of a payment that is set aside and in a block which nobody has read yet."""
    user_id = rail.new_user()
    rail.send_to(rail.new_address(user_id).address, AMOUNT)
    rail.watch()
    with rail.container.transaction() as session:
        deposits.quarantine(
            session, rail.deposit().id, cause="operator", reason="on a list", now=rail.container.now(), by=BY
        )
    rail.mine()
    return user_id


def in_suspense(rail: Rail) -> int:
    with rail.container.reading() as session:
        return ledger.system_balance(session, "suspense", rail.asset_id)


@pytest.mark.parametrize("crash_at", ["deposit.setting_aside", "deposit.set_aside"])
def test_suspense_has_a_deposit_once_whenever_its_reader_dies(rail: Rail, crash_at: str) -> None:
    user_id = set_aside(rail)
    assert die_at(rail.container, "watch", crash_at) == KILLED
    rail.credit()
    rail.credit()
    assert (rail.deposit().state, in_suspense(rail), rail.balance(user_id)) == ("quarantined", AMOUNT, (0, 0))
    assert rail.compare() == "ok"
    rail.assert_sound()


@pytest.mark.parametrize("crash_at", ["deposit.releasing", "deposit.returning"])
def test_a_decision_that_dies_before_its_commit_never_happened(rail: Rail, crash_at: str) -> None:
    user_id = set_aside(rail)
    rail.watch()
    destination = rail.outside_address() if crash_at == "deposit.returning" else ""
    facts = (str(rail.deposit().id), str(rail.new_user()), destination)
    assert die_at(rail.container, "decide", crash_at, *facts) == KILLED
    assert (rail.deposit().state, in_suspense(rail), rail.balance(user_id)) == ("quarantined", AMOUNT, (0, 0))
    assert rail.count(Withdrawal) == 0
    rail.assert_sound()
    assert die_at(rail.container, "decide", "", *facts) == 0
    rail.credit()
    assert in_suspense(rail) == 0
    assert rail.balance(user_id) == ((0, AMOUNT) if destination else (AMOUNT, 0))
    assert world.standing(rail) == {}
    rail.assert_sound()

"""The drill's judges say so when money was credited, sent or granted twice, or is not where it belongs."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.ids import new_id
from domain.ledger import Transaction, Transfer
from drill.journal import CREATED, Asked, AskedKind, Journal, PaidIn
from drill.judges import Facts, judged
from services import ledger
from tests.rail import COIN, Rail

ALICE, BOB = UUID(int=1), UUID(int=2)
ASSET = "rLTC"
FEE = 10
ALL_IS_WELL: list[str] = []


def asked(kind: AskedKind, user_id: UUID, amount_minor: int, to: str, *, known_as: str, status: int = CREATED) -> Asked:
    made = Asked(kind, f"key-{known_as}", user_id, ASSET, amount_minor, to, {})
    made.status, made.answer = status, {"id": known_as}
    return made


@pytest.fixture
def journal() -> Journal:
    """Alice is paid 1,000, claims 70 as Bob does, sends 200 to Bob and 300 away; Bob is refused a withdrawal."""
    journal = Journal()
    journal.opening[BOB, ASSET] = 5
    journal.pays_in(PaidIn("in-1", ALICE, ASSET, 1000))
    journal.asks(asked("transfer", ALICE, 200, str(BOB), known_as="t"))
    journal.asks(asked("withdrawal", ALICE, 300, "away", known_as="w"))
    journal.asks(asked("withdrawal", ALICE, 50, "Returned", known_as="f"))
    journal.asks(asked("withdrawal", BOB, 9999, "nowhere", known_as="", status=422))
    journal.asks(asked("claim", ALICE, 70, "paid", known_as="c1"))
    journal.asks(asked("claim", BOB, 70, "paid", known_as="c2"))
    journal.decides("returned", paid=False)
    return journal


@pytest.fixture
def facts() -> Facts:
    return Facts(
        deposits=[(ALICE, "in-1", ASSET, "credited", 1000)],
        withdrawals={"w": ("completed", 300 + FEE), "f": ("failed", 50 + FEE)},
        claims={"c1": "verified", "c2": "rejected"},
        balances={(ALICE, ASSET): (1000 - 200 - 300 - FEE + 70, 0), (BOB, ASSET): (205, 0)},
        received={"away": [300]},
    )


def complaints(journal: Journal, facts: Facts) -> dict[str, int]:
    """How many each judge has, those who have none left out."""
    return {verdict.question: len(verdict.complaints) for verdict in judged(journal, facts) if not verdict.holds}


def test_nobody_complains_of_a_house_in_which_all_is_well(journal: Journal, facts: Facts) -> None:
    assert complaints(journal, facts) == {}


def test_a_deposit_credited_twice_is_found_by_its_rows_and_by_its_owner_s_balance(
    journal: Journal, facts: Facts
) -> None:
    facts.deposits *= 2
    facts.balances = {**facts.balances, (ALICE, ASSET): (1000 + 1000 - 200 - 300 - FEE + 70, 0)}
    assert complaints(journal, facts) == {
        "every deposit was credited once": 1,
        "everybody owns what came in less what went out": 1,
    }


def test_a_deposit_that_is_not_credited_is_found(journal: Journal, facts: Facts) -> None:
    facts.deposits = [(ALICE, "in-1", ASSET, "confirming", 1000)]
    [verdict] = [one for one in judged(journal, facts) if not one.holds]
    assert verdict.complaints == [f"1000 {ASSET} to {ALICE}, in-1: 1 not credited (confirming)"]


@pytest.mark.parametrize("arrived", [[300, 300], [], [299]])
def test_a_withdrawal_that_was_sent_twice_never_or_in_part_is_found(
    journal: Journal, facts: Facts, arrived: list[int]
) -> None:
    facts.received["away"] = arrived
    assert complaints(journal, facts) == {"every withdrawal was sent once": 1}


def test_a_withdrawal_that_was_refused_or_came_back_and_is_paid_all_the_same_is_found(
    journal: Journal, facts: Facts
) -> None:
    facts.received |= {"nowhere": [9999], "Returned": [50]}
    assert complaints(journal, facts) == {"every withdrawal was sent once": 2}


def test_a_claim_granted_twice_is_found(journal: Journal, facts: Facts) -> None:
    facts.claims["c2"] = "verified"
    assert complaints(journal, facts) == {
        "every claimed payment was granted once": 1,
        "everybody owns what came in less what went out": 1,
    }


def test_funds_that_stay_held_are_found(journal: Journal, facts: Facts) -> None:
    facts.balances = {**facts.balances, (BOB, ASSET): (205, 1)}
    assert complaints(journal, facts) == {"everybody owns what came in less what went out": 1}


def test_a_request_that_nobody_answered_is_found(journal: Journal, facts: Facts) -> None:
    journal.asks(Asked("transfer", "key", BOB, ASSET, 1, str(ALICE), {}))
    assert complaints(journal, facts) == {"every request was answered in the end": 1}


def test_what_a_house_says_of_itself_counts(journal: Journal, facts: Facts) -> None:
    said = replace(facts, broken=["sum"], open_flows=["flow"], unequal=["wallet"], standing=["alert"])
    assert complaints(journal, said) == {
        "the ledger verifies and its invariants hold": 1,
        "no movement of money is stuck": 1,
        "wallets hold what the books say": 1,
        "every alert has ended": 1,
    }


def test_a_credit_past_the_deposits_shows_in_a_real_ledger(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, COIN)
    rail.mine(6)
    rail.watch()
    rail.credit()
    journal = Journal()
    journal.pays_in(PaidIn(txid, user_id, rail.asset_id, COIN))
    deposit = rail.deposit()
    facts = Facts(
        deposits=[(user_id, deposit.txid, deposit.asset_id, deposit.state, int(deposit.amount_minor))],
        balances={(user_id, rail.asset_id): rail.balance(user_id)},
    )
    assert complaints(journal, facts) == {}
    with rail.container.transaction() as session:
        hot = ledger.system_account(session, "hot_wallet", rail.asset_id)
        mine = ledger.user_account(session, user_id, rail.asset_id)
        again = Transaction(str(new_id()), "deposit_credit", (Transfer(hot, mine, COIN),), rail.container.now())
        ledger.post(session, [again])
    facts.balances = {(user_id, rail.asset_id): rail.balance(user_id)}
    assert complaints(journal, facts) == {"everybody owns what came in less what went out": 1}

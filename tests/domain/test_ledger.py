"""The ledger's decisions, without a database: any batch keeps the sum, respects floors and is whole or refused."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import REFUSALS, Hold, Leg, Outcome, Post, Transaction, Transfer, Void, request_hash
from domain.ledger_decisions import Account, Earlier, Known, OpenHold, decide

NOW = datetime(2030, 1, 1, tzinfo=UTC)
KINDS = {1: "liability", 2: "liability", 3: "asset", 4: "income", 5: "expense", 6: "equity"}
HOLDS = {10: (1, 3, 30), 11: (2, 3, 20), 12: (1, 2, 5)}


def known(*, expires_at_us: int | None = None) -> Known:
    accounts = {
        number: Account(
            number, "GOLD", kind, 100, 35 if number == 1 else 20 if number == 2 else 0, 0 if number < 3 else None
        )
        for number, kind in KINDS.items()
    }
    accounts[7] = Account(7, "TIN", "liability", 100, 0, 0)
    holds = {
        number: OpenHold(number, debit, credit, "GOLD", amount, True, False, expires_at_us, False)
        for number, (debit, credit, amount) in HOLDS.items()
    }
    return Known(accounts, {}, holds, {50: False, 51: True})


def asking(*legs: Leg, key: str = "k", reverses: int | None = None) -> Transaction:
    return Transaction(key, "test", legs, NOW, reverses=reverses)


numbers = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 99])
legs = st.one_of(
    st.builds(Transfer, numbers, numbers, st.integers(1, 150)),
    st.builds(Hold, numbers, numbers, st.integers(1, 150)),
    st.builds(Post, st.sampled_from([10, 11, 12, 98]), st.one_of(st.none(), st.integers(1, 40))),
    st.builds(Void, st.sampled_from([10, 11, 12, 98])),
)
batches = st.lists(st.lists(legs, min_size=1, max_size=4), min_size=1, max_size=6)


def worth(accounts: dict[int, Account]) -> int:
    """Debit side less credit side."""
    return sum(a.posted if a.kind in {"asset", "expense"} else -a.posted for a in accounts.values())


@given(batches)
def test_any_batch_balances_and_keeps_every_floor(batch: list[list[Leg]]) -> None:
    facts = known()
    before = worth(dict(facts.accounts))
    decisions = decide([asking(*some, key=str(n)) for n, some in enumerate(batch)], facts)
    assert worth(dict(facts.accounts)) == before
    for account in facts.accounts.values():
        assert account.held >= 0
        assert account.floor is None or account.posted - account.held >= account.floor
    for some, decision in zip(batch, decisions, strict=True):
        assert (decision.refusal is None) == (len(decision.movements) == len(some))
        assert decision.refusal is None or decision.refusal in REFUSALS


@given(batches, st.lists(legs, min_size=1, max_size=4))
def test_a_refused_transaction_leaves_no_trace(batch: list[list[Leg]], last: list[Leg]) -> None:
    facts = known()
    decide([asking(*some, key=str(n)) for n, some in enumerate(batch)], facts)
    fresh = Known(deepcopy(facts.accounts), {}, {}, {})
    refused = decide([asking(*last, Transfer(1, 99, 1), key="last")], fresh)[0]
    assert refused.refusal is not None
    assert fresh.accounts == facts.accounts


@given(batches)
def test_a_batch_decides_as_its_transactions_one_by_one(batch: list[list[Leg]]) -> None:
    transactions = [
        asking(*some, key=str(n)) for n, some in enumerate(batch) if all(isinstance(x, Transfer) for x in some)
    ]
    together, apart = known(), known()
    assert decide(transactions, together) == [decide([one], apart)[0] for one in transactions]
    assert together.accounts == apart.accounts


@pytest.mark.parametrize(
    ("leg", "refusal"),
    [
        (Transfer(1, 2, 65), None),
        (Transfer(1, 2, 66), "insufficient_funds"),
        (Transfer(3, 4, 10_000), None),
        (Transfer(1, 7, 1), "asset_mismatch"),
        (Transfer(1, 1, 1), "asset_mismatch"),
        (Transfer(1, 99, 1), "account_missing"),
        (Hold(1, 3, 66), "insufficient_funds"),
        (Hold(3, 4, 1), "nothing_reserved"),
        (Hold(3, 1, 1), "nothing_reserved"),
        (Post(10, 31), "hold_exceeded"),
        (Post(98), "hold_missing"),
    ],
)
def test_a_leg_is_refused_for_its_own_reason(leg: Leg, refusal: str | None) -> None:
    assert decide([asking(leg)], known())[0].refusal == refusal


def test_a_hold_can_be_posted_until_it_expires_and_voided_after() -> None:
    moment = int((NOW + timedelta(seconds=1)).timestamp()) * 1_000_000
    assert decide([asking(Post(10))], known(expires_at_us=moment))[0].refusal is None
    assert decide([asking(Post(10))], known(expires_at_us=moment - 1_000_000))[0].refusal == "hold_expired"
    assert decide([asking(Void(10))], known(expires_at_us=moment - 1_000_000))[0].refusal is None


def test_a_second_reversal_is_refused_also_within_a_batch() -> None:
    asked = [asking(Transfer(1, 2, 1), key=str(n), reverses=reverses) for n, reverses in enumerate((50, 50, 51, 52))]
    assert [decision.refusal for decision in decide(asked, known())] == [
        None,
        "already_reversed",
        "already_reversed",
        "transaction_missing",
    ]


def test_what_is_asked_counts_and_when_it_is_asked_does_not() -> None:
    leg = Transfer(1, 2, 1)
    later = Transaction("k", "test", (leg,), NOW + timedelta(days=1))
    assert request_hash(asking(leg)) == request_hash(later)
    others = [
        asking(Transfer(2, 1, 1)),
        asking(leg, leg),
        asking(Hold(1, 2, 1)),
        asking(leg, reverses=50),
        asking(Post(1)),
    ]
    hashes = {request_hash(other) for other in [asking(leg), *others, asking(Void(1)), asking(Post(1, 2))]}
    assert len(hashes) == len(others) + 3


def test_a_known_key_is_answered_without_touching_anything() -> None:
    asked = asking(Transfer(1, 2, 1))
    facts = known()
    before = deepcopy(facts.accounts)
    earlier = {"k": Earlier(request_hash(asked), Outcome(5, (6,)))}
    facts = Known(facts.accounts, earlier)
    same, other = decide([asked, asking(Transfer(1, 2, 2))], facts)
    assert same.answer == Outcome(5, (6,), None, replayed=True)
    assert other.answer == Outcome(5, (), "idempotency_conflict")
    assert facts.accounts == before

"""What a posting does, refuses, remembers and leaves alone."""

import pytest
from sqlalchemy.orm import Session

from domain.errors import InvariantBroken
from domain.ledger import Hold, IdempotencyConflict, InsufficientFunds, Post, Transfer, Void
from services.ledger import post, post_one
from tests.ledger.conftest import Books, later, transaction


def test_a_transfer_moves_what_it_says(books: Books) -> None:
    payer, payee = books.user(funds=100), books.user()
    outcome = books.one(Transfer(payer, payee, 30))
    assert outcome.refused is None
    assert (books.balance(payer), books.balance(payee)) == ((70, 0), (30, 0))
    assert books.balance(books.hot()) == (100, 0)


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a batch"])
def test_more_than_is_available_is_refused_and_moves_nothing(books: Books, *, together: bool) -> None:
    payer, payee = books.user(funds=100), books.user()
    wanted = transaction(Transfer(payer, payee, 101))
    outcomes = books.post([wanted, transaction(Transfer(payer, payee, 1))] if together else [wanted])
    assert outcomes[0].refused == "insufficient_funds"
    assert outcomes[0].transfer_ids == ()
    assert books.balance(payer) == (99 if together else 100, 0)


def test_a_transaction_is_carried_out_whole_or_not_at_all(books: Books) -> None:
    payer, payee, third = books.user(funds=100), books.user(), books.user()
    assert books.one(Transfer(payer, payee, 60), Transfer(payer, third, 60)).refused == "insufficient_funds"
    assert [books.balance(account) for account in (payer, payee, third)] == [(100, 0), (0, 0), (0, 0)]


def test_a_later_transaction_of_a_batch_spends_what_an_earlier_one_gave(books: Books) -> None:
    first, second, third = books.user(funds=10), books.user(), books.user()
    outcomes = books.post(
        [
            transaction(Transfer(second, third, 10)),
            transaction(Transfer(first, second, 10)),
            transaction(Transfer(second, third, 10)),
        ]
    )
    assert [outcome.refused for outcome in outcomes] == ["insufficient_funds", None, None]
    assert books.balance(third) == (10, 0)


def test_the_same_key_and_body_is_answered_as_before(books: Books) -> None:
    payer, payee = books.user(funds=100), books.user()
    first = books.one(Transfer(payer, payee, 30), key="once")
    again = books.one(Transfer(payer, payee, 30), key="once", at=later(60))
    assert again.replayed
    assert (again.transaction_id, again.transfer_ids) == (first.transaction_id, first.transfer_ids)
    assert books.balance(payee) == (30, 0)


def test_a_refusal_is_answered_as_before_even_when_the_money_has_come(books: Books) -> None:
    payer, payee = books.user(), books.user()
    first = books.one(Transfer(payer, payee, 30), key="poor")
    books.one(Transfer(books.hot(), payer, 1_000))
    again = books.one(Transfer(payer, payee, 30), key="poor")
    assert (first.refused, again.refused, again.replayed) == ("insufficient_funds", "insufficient_funds", True)
    assert again.transaction_id == first.transaction_id
    assert books.balance(payee) == (0, 0)


def test_the_same_key_for_something_else_is_a_conflict(books: Books) -> None:
    payer, payee = books.user(funds=100), books.user()
    books.one(Transfer(payer, payee, 30), key="once")
    assert books.one(Transfer(payer, payee, 31), key="once").refused == "idempotency_conflict"
    with Session(books.engine) as session, pytest.raises(IdempotencyConflict):
        post_one(session, transaction(Transfer(payee, payer, 30), key="once"))
    assert books.balance(payee) == (30, 0)


def test_a_key_repeated_within_a_batch_counts_once(books: Books) -> None:
    payer, payee = books.user(funds=100), books.user()
    same = transaction(Transfer(payer, payee, 30), key="twin")
    other = transaction(Transfer(payer, payee, 31), key="twin")
    first, second, third = books.post([same, same, other])
    assert (second.replayed, second.transfer_ids) == (True, first.transfer_ids)
    assert third.refused == "idempotency_conflict"
    assert books.balance(payee) == (30, 0)


def test_two_assets_never_meet_in_one_transfer(books: Books) -> None:
    gold, tin = books.user("GOLD", 100), books.user("TIN", 100)
    assert books.one(Transfer(gold, tin, 1)).refused == "asset_mismatch"
    assert books.one(Hold(gold, tin, 1)).refused == "asset_mismatch"
    assert books.one(Transfer(gold, gold, 1)).refused == "asset_mismatch"


def test_an_unknown_account_or_hold_is_refused(books: Books) -> None:
    payer = books.user(funds=5)
    assert books.one(Transfer(payer, 999_999, 1)).refused == "account_missing"
    assert books.one(Transfer(999_998, 999_999, 1)).refused == "account_missing"
    assert books.one(Post(999_999)).refused == "hold_missing"


def test_an_amount_that_is_not_positive_is_a_bug_of_the_caller(books: Books) -> None:
    payer, payee = books.user(funds=5), books.user()
    with pytest.raises(InvariantBroken):
        books.one(Transfer(payer, payee, 0))
    with pytest.raises(InvariantBroken):
        books.one(Transfer(payer, payee, -1))


def test_a_refusal_by_name_leaves_the_callers_transaction_usable(books: Books) -> None:
    payer, payee = books.user(funds=5), books.user()
    with Session(books.engine) as session, session.begin():
        with pytest.raises(InsufficientFunds):
            post_one(session, transaction(Transfer(payer, payee, 6)))
        post_one(session, transaction(Transfer(payer, payee, 5)))
    assert books.balance(payee) == (5, 0)


def test_an_amount_of_eighteen_decimals_is_exact(books: Books) -> None:
    huge = 123_456_789_012_345_678_901_234_567_890_123_456_789
    payer, payee = books.user(funds=huge), books.user()
    books.one(Transfer(payer, payee, huge - 1))
    assert (books.balance(payer), books.balance(payee)) == ((1, 0), (huge - 1, 0))


@pytest.mark.parametrize("key", ['"', "\\", "a,b", "{}", "NULL", "", "line\nbreak", "ключ", "' OR 1=1 --", "%s :x $1"])
def test_a_key_is_only_ever_text(books: Books, key: str) -> None:
    payer, payee = books.user(funds=10), books.user()
    pair = [transaction(Transfer(payer, payee, 1), key=key), transaction(Transfer(payer, payee, 1), key=f"{key}2")]
    assert [outcome.replayed for outcome in books.post(pair)] == [False, False]
    assert [outcome.replayed for outcome in books.post(pair)] == [True, True]
    assert books.one(Transfer(payer, payee, 1), key=key).replayed


def test_a_split_account_is_the_sum_of_its_shards(books: Books) -> None:
    hot = books.hot()
    user = books.user(funds=100)
    books.split(hot, 4)
    for _ in range(10):
        assert books.one(Transfer(hot, user, 10)).refused is None
    hold = books.one(Hold(user, hot, 50)).transfer_ids[0]
    outcomes = books.post([transaction(Post(hold, 20)), transaction(Transfer(hot, books.hot(code="owner_equity"), 5))])
    assert [outcome.refused for outcome in outcomes] == [None, None]
    assert books.balance(hot) == (100 + 100 - 20 + 5, 0)
    assert books.balance(user) == (180, 0)


def test_a_shard_is_not_addressed_by_its_own_number(books: Books) -> None:
    hot, user = books.hot(), books.user(funds=10)
    with Session(books.engine) as session, session.begin():
        post(session, [])
        shards = session.connection().exec_driver_sql("SELECT ledger_split_account(%s, 2)", (hot,)).scalar_one()
    assert books.one(Transfer(user, shards[0], 1)).refused == "account_missing"
    assert books.post([transaction(Transfer(user, shards[0], 1)), transaction(Void(1))])[0].refused == "account_missing"

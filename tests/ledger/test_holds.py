"""Holds: reserved, then posted in full or in part, voided or expired, once."""

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ledger import Hold, Post, Transaction, Transfer, Void
from services.ledger import fast_path, holds
from tests.ledger.conftest import Books, later, transaction


def test_a_hold_reserves_and_moves_nothing(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    books.one(Hold(user, hot, 60))
    assert (books.balance(user), books.balance(hot)) == ((100, 60), (100, 0))
    assert books.one(Transfer(user, hot, 41)).refused == "insufficient_funds"
    assert books.one(Hold(user, hot, 41)).refused == "insufficient_funds"
    assert books.one(Hold(user, hot, 40)).refused is None


@pytest.mark.parametrize(("part", "left"), [(None, 40), (60, 40), (25, 75), (1, 99)])
def test_a_hold_is_posted_in_full_or_in_part_and_the_rest_is_free(books: Books, part: int | None, left: int) -> None:
    user, hot = books.user(funds=100), books.hot()
    hold = books.one(Hold(user, hot, 60)).transfer_ids[0]
    assert books.one(Post(hold, part)).refused is None
    assert (books.balance(user), books.balance(hot)) == ((left, 0), (left, 0))


def test_a_hold_is_resolved_once(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    posted = books.one(Hold(user, hot, 10)).transfer_ids[0]
    voided = books.one(Hold(user, hot, 10)).transfer_ids[0]
    books.one(Post(posted))
    books.one(Void(voided))
    for leg in (Post(posted), Void(posted), Post(voided), Void(voided)):
        assert books.one(leg).refused == "hold_already_resolved"
    twice = books.one(Hold(user, hot, 10)).transfer_ids[0]
    outcomes = books.post([transaction(Post(twice)), transaction(Void(twice))])
    assert [outcome.refused for outcome in outcomes] == [None, "hold_already_resolved"]
    assert books.balance(user) == (80, 0)


def test_a_refused_resolution_leaves_the_hold_open(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    hold = books.one(Hold(user, hot, 10)).transfer_ids[0]
    refused, posted = books.post([transaction(Post(hold), Transfer(user, hot, 91)), transaction(Post(hold))])
    assert (refused.refused, posted.refused) == ("insufficient_funds", None)
    assert books.balance(user) == (90, 0)


def test_more_than_was_held_is_not_posted(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    hold = books.one(Hold(user, hot, 10)).transfer_ids[0]
    assert books.one(Post(hold, 11)).refused == "hold_exceeded"
    assert books.balance(user) == (100, 10)


def test_holds_on_one_account_are_written_alike_in_one_call_and_in_two(books: Books) -> None:
    hot, fees = books.hot(), books.hot(code="withdrawal_fees")
    once, twice, thrice = (books.user(funds=100) for _ in range(3))

    def asked(user: int) -> Transaction:
        return transaction(Hold(user, hot, 60, expires_at=later(9)), Hold(user, fees, 5, expires_at=later(9)))

    with Session(books.engine) as session, session.begin():
        alone = fast_path.attempt(asked(once), lambda said, parameters: said.rows(session, *parameters))
    # What has company goes the long way.
    together = books.post([asked(twice), asked(thrice)])[0]
    assert alone is not None
    assert _holds_of(books, once) == _holds_of(books, twice)
    assert books.balance(once) == books.balance(twice) == (100, 65)
    for outcome in (alone, together):
        books.one(Post(outcome.transfer_ids[1]))
    assert books.balance(once) == books.balance(twice) == (95, 60)


def _holds_of(books: Books, account: int) -> list[tuple[object, ...]]:
    """All that is written of an account's holds but what tells two apart."""
    rows = text(
        "SELECT t.kind, t.outcome, t.refusal, t.effective_at, h.phase, h.asset_id, h.credit_account_id, h.amount, "
        "h.debit_balance, h.debit_held, h.debit_version, h.credit_balance, h.credit_held, h.credit_version, "
        "h.resolves_id, h.expires_at, t.recorded_at = h.recorded_at FROM ledger_transfers AS h "
        "JOIN ledger_transactions AS t ON t.id = h.transaction_id WHERE h.debit_account_id = :account ORDER BY h.id"
    )
    with books.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(rows, {"account": account})]


def test_a_hold_between_house_accounts_would_reserve_nothing(books: Books) -> None:
    assert books.one(Hold(books.hot(), books.hot(code="owner_equity"), 1)).refused == "nothing_reserved"


def test_a_transfer_is_not_a_hold(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    moved = books.one(Transfer(user, hot, 10)).transfer_ids[0]
    assert books.one(Void(moved)).refused == "hold_missing"


def test_an_expired_hold_is_voided_by_the_task_and_not_posted(books: Books) -> None:
    user, hot = books.user(funds=100), books.hot()
    short = books.one(Hold(user, hot, 10, expires_at=later(60))).transfer_ids[0]
    books.one(Hold(user, hot, 10, expires_at=later(120)))
    books.one(Hold(user, hot, 10))
    assert books.one(Post(short), at=later(60)).refused == "hold_expired"
    for moment, expected in ((59, 30), (60, 20), (60, 20), (500, 10)):
        with Session(books.engine) as session, session.begin():
            holds.expire(session, now=later(moment))
        assert books.balance(user) == (100, expected)
    assert books.one(Void(short)).refused == "hold_already_resolved"

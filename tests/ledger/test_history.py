"""Statements, balances at past moments, CSV and reversals."""

import csv

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ledger import AlreadyReversed, Hold, InsufficientFunds, Outcome, Post, TransactionMissing, Transfer
from services.ledger.reversal import reverse
from services.ledger.statements import balance_at, csv_lines, statement
from tests.ledger.conftest import START, Books, later


def undo(books: Books, transaction_id: int, key: str) -> Outcome:
    with Session(books.engine) as session, session.begin():
        return reverse(session, transaction_id, key=key, kind="undo", effective_at=START)


def test_a_statement_runs_newest_first_and_pages_without_overlap(books: Books) -> None:
    user, hot = books.user(), books.hot()
    for amount in range(1, 8):
        books.one(Transfer(hot, user, amount), at=later(amount))
    books.one(Transfer(user, hot, 5))
    pages, before = [], None
    with Session(books.engine) as session:
        while page := statement(session, user, before_version=before, limit=3):
            pages.append(page)
            before = page[-1].version
    entries = [entry for page in pages for entry in page]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [entry.change_minor for entry in entries] == [-5, 7, 6, 5, 4, 3, 2, 1]
    assert [entry.balance_minor for entry in entries] == [23, 28, 21, 15, 10, 6, 3, 1]
    assert {entry.counter_code for entry in entries} == {"hot_wallet"}


def test_csv_is_the_whole_statement(books: Books) -> None:
    user, hot = books.user(funds=250), books.hot()
    books.one(Post(books.one(Hold(user, hot, 100)).transfer_ids[0], 75))
    with Session(books.engine) as session:
        rows = list(csv.DictReader(csv_lines(session, user, decimals=2)))
    assert [(row["phase"], row["change"], row["balance"], row["held"]) for row in rows] == [
        ("post", "-0.75", "1.75", "0.00"),
        ("pending", "0.00", "2.50", "1.00"),
        ("posted", "2.50", "2.50", "0.00"),
    ]


@pytest.mark.parametrize("shards", [0, 3])
def test_the_balance_at_a_past_moment_is_known(books: Books, shards: int) -> None:
    hot = books.hot()
    if shards:
        books.split(hot, shards)
    user = books.user()
    moments = []
    for amount in (5, 7, 11):
        books.one(Transfer(hot, user, amount), at=later(-amount))
        with books.engine.connect() as connection:
            moments.append(connection.execute(text("SELECT clock_timestamp()")).scalar_one())
    with Session(books.engine) as session:
        for account in (user, hot):
            assert [balance_at(session, account, moment) for moment in moments] == [5, 12, 23]
            assert balance_at(session, account, moments[0].replace(year=2000)) == 0
            by_effect = [balance_at(session, account, later(-s), effective=True) for s in (12, 11, 7, 5)]
            assert by_effect == [0, 11, 18, 23]


def test_a_transaction_is_reversed_once(books: Books) -> None:
    user, hot, fees = books.user(funds=100), books.hot(), books.hot(code="withdrawal_fees")
    moved = books.one(Transfer(user, hot, 30), Transfer(user, fees, 2))
    undone = undo(books, moved.transaction_id, "undo")
    assert undo(books, moved.transaction_id, "undo").transaction_id == undone.transaction_id
    with pytest.raises(AlreadyReversed):
        undo(books, moved.transaction_id, "undo again")
    assert [books.balance(account) for account in (user, hot, fees)] == [(100, 0), (100, 0), (0, 0)]


def test_what_was_spent_cannot_be_reversed_and_may_be_later(books: Books) -> None:
    user, hot = books.user(), books.hot()
    given = books.one(Transfer(hot, user, 50))
    spent = books.one(Transfer(user, hot, 50))
    with pytest.raises(InsufficientFunds):
        undo(books, given.transaction_id, "too soon")
    undo(books, spent.transaction_id, "first this")
    undo(books, given.transaction_id, "then that")
    assert books.balance(user) == (0, 0)


def test_nothing_is_reversed_that_did_not_happen(books: Books) -> None:
    refused = books.one(Transfer(books.user(), books.hot(), 1))
    for transaction_id in (refused.transaction_id, 999_999):
        with pytest.raises(TransactionMissing):
            undo(books, transaction_id, f"undo {transaction_id}")


def test_a_reversal_through_a_split_account_finds_a_shard(books: Books) -> None:
    hot, user = books.hot(), books.user()
    books.split(hot, 4)
    undo(books, books.one(Transfer(hot, user, 50)).transaction_id, "undo")
    assert (books.balance(user), books.balance(hot)) == ((0, 0), (0, 0))

"""Seals, and a verification that names what was altered."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.orm import Session

from domain.ledger import Hold, Post, Transfer, Void
from services.ledger import post
from services.ledger.seals import seal
from services.ledger.verify import Altered, verify
from tests.databases import Database
from tests.ledger.conftest import Books, transaction

Alter = Callable[[str], Altered]


@pytest.fixture
def alter(books: Books, raw: Callable[..., Any], own_database: Database) -> Alter:
    """What a verification finds after a superuser did this with every trigger and foreign key switched off."""

    def run(alteration: str) -> Altered:
        with raw(own_database.superuser_url) as connection, connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(alteration)
            assert cursor.rowcount == 1
            connection.commit()
        finding = verify(books.engine).finding
        assert finding is not None
        return finding

    return run


def busy(books: Books) -> tuple[int, int]:
    """Some of everything: transfers 1 to 9, of which 4 is a hold and 6 its resolution."""
    user, other, hot = books.user(funds=100), books.user(), books.hot()
    books.one(Transfer(user, other, 10))
    books.one(Transfer(other, user, 1))
    hold = books.one(Hold(user, hot, 20)).transfer_ids[0]
    books.one(Transfer(user, other, 5))
    books.one(Post(hold, 15))
    books.one(Transfer(user, other, 5))
    books.one(Void(books.one(Hold(user, hot, 20)).transfer_ids[0]))
    books.one(Transfer(user, other, 500))
    return user, other


def test_the_first_call_only_notes_how_far_the_next_may_go(books: Books) -> None:
    busy(books)
    assert books.seal_once() == 0
    books.seal()
    assert books.sealed() == {"accounts": 3, "transactions": 10, "transfers": 9}
    assert books.seal_once() == 0


def test_a_row_with_a_lower_number_that_commits_later_is_sealed(books: Books) -> None:
    """The one mistake a checkpoint at max(id) makes: rows numbered early, committed late, never covered."""
    user, other = busy(books)
    late_payer, late_payee = books.user(funds=10), books.user()
    books.seal()
    before = books.sealed()
    with Session(books.engine) as slow:
        slow.begin()
        post(slow, [transaction(Transfer(late_payer, late_payee, 3))])
        books.one(Transfer(user, other, 1))
        for _ in range(4):
            books.seal_once()
        assert books.sealed() == before, "something was sealed past a number that is still to come"
        slow.commit()
    books.seal()
    assert verify(books.engine).finding is None


def test_a_writer_newer_than_all_that_ended_is_waited_for_too(books: Books) -> None:
    """One past the latest transaction that ended may be one that still runs: a snapshot's xmax is no horizon."""
    payers = [books.user(funds=10) for _ in range(2)]
    payee, other = books.user(), books.user()
    books.seal()
    before = books.sealed()
    with Session(books.engine) as older, Session(books.engine) as newer:
        older.execute(text("SELECT pg_current_xact_id()"))
        post(newer, [transaction(Transfer(payers[0], payee, 3))])
        post(older, [transaction(Transfer(payers[1], other, 3))])
        older.commit()
        for _ in range(4):
            books.seal_once()
        assert books.sealed() == before, "something was sealed past a number that is still to come"
        newer.commit()
    books.seal()
    assert verify(books.engine).finding is None


def test_sealing_comes_first_in_its_transaction(books: Books) -> None:
    user, other = busy(books)
    with Session(books.engine) as session, session.begin():
        post(session, [transaction(Transfer(user, other, 1))])
        with pytest.raises((InternalError, OperationalError), match="comes first"), session.begin_nested():
            seal(session)


def test_an_honest_ledger_verifies_with_and_without_seals(books: Books) -> None:
    assert verify(books.engine).finding is None
    busy(books)
    assert verify(books.engine).finding is None
    books.seal()
    books.split(books.hot(), 3)
    busy(books)
    done: list[int] = []
    report = verify(books.engine, progress=done.append)
    assert report.finding is None
    assert (report.transfers, report.seals) == (18, 3)
    assert done


ALTERATIONS = [
    ("UPDATE ledger_transfers SET amount = amount + 1 WHERE id = 5", "ledger_transfers", 5),
    ("UPDATE ledger_transfers SET debit_balance = debit_balance - 1 WHERE id = 5", "ledger_transfers", 5),
    ("UPDATE ledger_transfers SET credit_balance = credit_balance + 1 WHERE id = 5", "ledger_transfers", 5),
    ("UPDATE ledger_transfers SET debit_held = 0 WHERE id = 5", "ledger_transfers", 5),
    ("UPDATE ledger_transfers SET credit_version = 77 WHERE id = 5", "ledger_transfers", 5),
    ("UPDATE ledger_transfers SET amount = 19 WHERE id = 6", "ledger_transfers", 6),
    ("DELETE FROM ledger_transfers WHERE id = 9", "ledger_accounts", None),
    ("UPDATE ledger_accounts SET posted = posted + 1 WHERE id = 1", "ledger_accounts", 1),
    ("UPDATE ledger_accounts SET held = 1 WHERE id = 1", "ledger_accounts", 1),
    ("DELETE FROM ledger_transactions WHERE id = 3", "ledger_transfers", 3),
    ("UPDATE ledger_transactions SET outcome = 'refused', refusal = 'x' WHERE id = 3", "ledger_transfers", 3),
]


@pytest.mark.parametrize(("alteration", "table", "row_id"), ALTERATIONS)
def test_an_altered_row_is_named_before_it_is_sealed(
    alter: Alter, books: Books, alteration: str, table: str, row_id: int | None
) -> None:
    busy(books)
    found = alter(alteration)
    assert found.table == table
    assert row_id is None or found.row_id == row_id


SEALED_ALTERATIONS = [
    ("UPDATE ledger_transfers SET amount = amount + 1 WHERE id = 5", "ledger_transfers", 5),
    ("UPDATE ledger_transfers SET recorded_at = recorded_at - interval '1 s' WHERE id = 8", "ledger_transfers", 8),
    ("UPDATE ledger_transfers SET expires_at = now() WHERE id = 4", "ledger_transfers", 4),
    ("UPDATE ledger_transactions SET effective_at = now() WHERE id = 2", "ledger_transactions", 2),
    ("UPDATE ledger_transactions SET kind = 'gift' WHERE id = 7", "ledger_transactions", 7),
    ("UPDATE ledger_transactions SET refusal = 'sorry' WHERE id = 10", "ledger_transactions", 10),
    ("UPDATE ledger_accounts SET owner_id = gen_random_uuid() WHERE id = 3", "ledger_accounts", 3),
    ("UPDATE ledger_accounts SET floor = 5 WHERE id = 3", "ledger_accounts", 3),
    ("DELETE FROM ledger_transfers WHERE id = 9", "ledger_transfers", 9),
    ("UPDATE ledger_seals SET leaves = set_byte(leaves, 3, get_byte(leaves, 3) # 1) WHERE id = 2", "ledger_seals", 2),
    ("UPDATE ledger_seals SET last_id = last_id + 5 WHERE id = 3", "ledger_seals", 3),
    ("DELETE FROM ledger_seals WHERE id = 2", "ledger_seals", 3),
]


@pytest.mark.parametrize(("alteration", "table", "row_id"), SEALED_ALTERATIONS)
def test_an_altered_row_is_named_after_it_is_sealed(
    alter: Alter, books: Books, alteration: str, table: str, row_id: int
) -> None:
    busy(books)
    books.seal()
    busy(books)
    books.seal()
    found = alter(alteration)
    assert (found.table, found.row_id) == (table, row_id)

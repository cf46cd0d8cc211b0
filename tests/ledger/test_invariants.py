"""The invariants that always run find what somebody with power over the database has altered."""

import psycopg2
import pytest
from sqlalchemy.orm import Session

from domain.ledger import Hold, Void
from services import invariants
from services.ledger.following import next_span
from tests.databases import Database
from tests.ledger.conftest import START, Books

HELD = "an account holds what its open holds reserve"
FLOORLESS = "an account without a floor holds nothing"
# Here holds are made by hand, for nothing that a house would hold anything for.
UNEXPLAINED = "what a user's account holds is of open withdrawals and conversions"


SEALED = "nothing that was sealed is gone"


def broken(books: Books) -> set[str]:
    with Session(books.engine) as session:
        return {finding.invariant for finding in invariants.check(session)} - {UNEXPLAINED}


def alter(database: Database, statement: str) -> None:
    """As the superuser, past every trigger."""
    with psycopg2.connect(database.superuser_url.reveal()) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE ledger_accounts SET held = held - 1 WHERE held > 0", HELD),
        ("UPDATE ledger_accounts SET held = 5 WHERE held = 0 AND floor IS NOT NULL", HELD),
        ("UPDATE ledger_transfers SET amount = amount + 1 WHERE phase = 'pending'", HELD),
        ("DELETE FROM ledger_transfers WHERE phase = 'void'", HELD),
        ("UPDATE ledger_accounts SET held = 5 WHERE floor IS NULL", FLOORLESS),
    ],
)
def test_what_is_held_without_a_hold_is_found(books: Books, own_database: Database, statement: str, found: str) -> None:
    user, released, hot = books.user(funds=100), books.user(funds=100), books.hot()
    books.one(Hold(user, hot, 30))
    [hold] = books.one(Hold(released, hot, 20)).transfer_ids
    books.one(Void(hold))
    assert broken(books) == set()
    alter(own_database, statement)
    assert found in broken(books)


def test_seals_that_were_taken_away_are_missed(books: Books, own_database: Database) -> None:
    """Whoever takes the newest rows away takes their seals too, and then each seal follows from the one before it."""
    books.user(funds=100)
    books.seal()
    with Session(books.engine) as session, session.begin():
        assert next_span(session, "check", now=START) is not None
    assert broken(books) == set()
    alter(own_database, "DELETE FROM ledger_seals WHERE subject = 'transfers'")
    assert broken(books) == {SEALED}

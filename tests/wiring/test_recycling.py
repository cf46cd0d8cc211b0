"""A database that is lent again is as it was at first, and one that cannot be made so is lent no more."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from tests.databases import Database, Server
from wiring.embedded.services import Addresses
from wiring.secret import Secret

ROW = "INSERT INTO outbox (task, arguments, created_at) VALUES ('t', '{}', now()) RETURNING id"
ALTERATIONS = (
    "ALTER TABLE ledger_transfers DISABLE TRIGGER ledger_transfers_append_only",
    "GRANT DELETE ON ledger_transfers TO strongroom_app",
    "DELETE FROM alembic_version",
    "INSERT INTO outbox (task, arguments, created_at) SELECT 't', '{}', now() FROM generate_series(1, 100000)",
)


def ask(url: Secret, statement: str) -> int | None:
    with closing(psycopg2.connect(url.reveal())) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return None if row is None else int(row[0])


def oid(lent: Database) -> int | None:
    return ask(lent.superuser_url, "SELECT oid FROM pg_database WHERE datname = current_database()")


@pytest.fixture(scope="module")
def lender(server: Server, services: Addresses) -> Iterator[Server]:
    """A lender of its own, to which no other test gives anything back."""
    made = Server(services)
    yield made
    made.close()


def test_a_used_database_comes_back_empty_under_another_name(lender: Server) -> None:
    first = lender.lend()
    known = oid(first)
    assert [ask(first.url, ROW), ask(first.url, ROW)] == [1, 2]
    lender.give_back(first)
    second = lender.lend()
    assert oid(second) == known
    assert second.name != first.name
    assert ask(second.url, "SELECT count(*) FROM outbox") == 0
    assert ask(second.url, "SELECT count(*) FROM alembic_version") == 1
    assert ask(second.url, ROW) == 1
    lender.give_back(second)


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_a_database_that_was_altered_is_not_lent_again(lender: Server, alteration: str) -> None:
    first = lender.lend()
    known = oid(first)
    ask(first.superuser_url, alteration)
    lender.give_back(first)
    second = lender.lend()
    assert oid(second) != known
    lender.give_back(second)


def test_a_database_that_somebody_is_still_in_is_not_lent_again(lender: Server) -> None:
    first = lender.lend()
    known = oid(first)
    with closing(psycopg2.connect(first.url.reveal())) as forgotten:
        lender.give_back(first)
        second = lender.lend()
        assert oid(second) != known
        with pytest.raises(psycopg2.OperationalError), forgotten.cursor() as cursor:
            cursor.execute("SELECT 1")
    lender.give_back(second)

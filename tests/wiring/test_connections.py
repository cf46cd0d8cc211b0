"""The connection that spares round trips: whoever uses it sees ordinary transactions, errors and savepoints."""

from collections.abc import Callable

import psycopg2
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from domain.errors import StrongroomError
from models import deferred
from models.deferred import Deferred
from tests.databases import Database
from wiring.connections import UNSENT_MAX, FrugalConnection
from wiring.container import Container
from wiring.secret import Secret

_ADD = Deferred("number_added", "integer", "INSERT INTO numbers VALUES ($1)")
Connect = Callable[[Secret], "psycopg2.extensions.connection"]


class OddNumber(StrongroomError):
    code = "odd_number"


@pytest.fixture
def numbers(own_database: Database, raw: Connect) -> Callable[[], list[int]]:
    """A table of even numbers, and what others see in it."""
    connection = raw(own_database.owner_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE numbers (n integer CONSTRAINT numbers_are_even CHECK (n % 2 = 0))")
        cursor.execute("GRANT ALL ON numbers TO PUBLIC")

    def seen() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT n FROM numbers ORDER BY n")
            return [n for (n,) in cursor.fetchall()]

    return seen


def test_what_is_deferred_goes_before_the_next_statement_and_with_the_commit(
    container: Container, numbers: Callable[[], list[int]]
) -> None:
    with container.transaction() as session:
        _ADD.later(session, 2)
        assert session.execute(text("SELECT sum(n) FROM numbers")).scalar_one() == 2
        _ADD.later(session, 4)
        assert numbers() == []
    assert numbers() == [2, 4]


def test_what_is_deferred_is_undone_with_all_the_rest(container: Container, numbers: Callable[[], list[int]]) -> None:
    def fail() -> None:
        with container.transaction() as session:
            _ADD.later(session, 2)
            raise OddNumber

    with pytest.raises(OddNumber):
        fail()
    with container.transaction() as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1
    assert numbers() == []


@pytest.mark.parametrize("is_waited_for", [True, False])
def test_a_savepoint_takes_back_what_followed_it_whether_it_was_sent_or_not(
    container: Container, numbers: Callable[[], list[int]], *, is_waited_for: bool
) -> None:
    def fail(session: Session) -> None:
        with session.begin_nested():
            _ADD.later(session, 4)
            if is_waited_for:
                session.execute(text("SELECT 1"))
            raise OddNumber

    with container.transaction() as session:
        _ADD.later(session, 2)
        with pytest.raises(OddNumber):
            fail(session)
        with session.begin_nested():
            _ADD.later(session, 6)
    assert numbers() == [2, 6]


def test_a_deferred_statement_that_fails_fails_the_commit_and_raises_its_refusal(
    container: Container, numbers: Callable[[], list[int]]
) -> None:
    def add(number: int, *, is_expected: bool) -> None:
        with container.transaction() as session:
            _ADD.later(session, 2)
            _ADD.later(session, number)
            if is_expected:
                deferred.refuse(session, "numbers_are_even", lambda _: OddNumber())

    with pytest.raises(OddNumber):
        add(1, is_expected=True)
    with pytest.raises(IntegrityError):
        add(1, is_expected=False)
    add(4, is_expected=False)
    assert numbers() == [2, 4]


def test_parameters_that_fit_no_type_take_nothing_away_from_the_transaction(
    container: Container, numbers: Callable[[], list[int]]
) -> None:
    with container.transaction() as session:
        _ADD.later(session, 2)
        with pytest.raises(ProgrammingError):
            session.connection().exec_driver_sql("SELECT %s", (object(),))
        session.execute(text("SELECT 1"))
        assert numbers() == []
    assert numbers() == [2]


def test_no_more_is_kept_back_than_a_message_can_hold(container: Container, numbers: Callable[[], list[int]]) -> None:
    with container.transaction() as session:
        for _ in range(UNSENT_MAX + 1):
            _ADD.later(session, 2)
        held = session.connection().connection.dbapi_connection
        assert isinstance(held, FrugalConnection)
        assert len(held.due().split(b"; ")) < 4
        session.rollback()
    assert numbers() == []


def test_a_transaction_waits_once_for_each_answer_that_it_reads(own_engine: Engine) -> None:
    """BEGIN, the savepoint and its release are no messages of their own: two statements and a commit are three."""
    with own_engine.connect() as connection:
        held = connection.connection.dbapi_connection
        assert isinstance(held, FrugalConnection)
        with connection.begin_nested():
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
        answer = connection.execute(text("SELECT pg_current_xact_id_if_assigned(), now() = statement_timestamp()"))
        assert answer.one() == (None, False)
        connection.commit()
        assert held.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE


def test_a_transaction_without_statements_sends_nothing_at_its_end(own_engine: Engine) -> None:
    with own_engine.connect() as connection:
        held = connection.connection.dbapi_connection
        assert isinstance(held, FrugalConnection)
        held.close()
        connection.commit()

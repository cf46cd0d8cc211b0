"""The pool: a lively connection is not asked whether it lives, a reading one does not stay without transactions."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DataError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from models.prepared import Prepared
from tests.databases import Database
from wiring.container import Container
from wiring.database import make_engine, without_transaction


@pytest.fixture
def pool_of_one(own_database: Database) -> Iterator[Engine]:
    made = make_engine(own_database.url, pool_size=1, statement_timeout_s=15, lock_timeout_s=10)
    yield made
    made.dispose()


def backend(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_a_connection_that_answered_just_now_is_not_asked_again(
    pool_of_one: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend(pool_of_one)
    asked: list[object] = []
    monkeypatch.setattr(pool_of_one.dialect, "do_ping", asked.append)
    backend(pool_of_one)
    assert not asked


def test_a_transaction_after_a_read_on_the_same_connection_is_rolled_back_whole(container: Container) -> None:
    with container.reading() as session:
        session.execute(text("CREATE TEMP TABLE kept (n int)"))

    def fail() -> None:
        with container.transaction() as session:
            session.execute(text("INSERT INTO kept VALUES (1)"))
            session.execute(text("SELECT of nothing"))

    with pytest.raises(ProgrammingError):
        fail()
    with container.reading() as session:
        assert session.execute(text("SELECT count(*) FROM kept")).scalar_one() == 0


def test_a_prepared_statement_is_learnt_by_each_connection(pool_of_one: Engine, own_engine: Engine) -> None:
    double = Prepared("double", "bigint", "SELECT $1 * 2 AS doubled, 100 % 7 AS rest")
    for engine in (pool_of_one, own_engine, pool_of_one):
        with Session(engine) as session:
            assert double.rows(session, 21) == [(42, 2)]


def test_a_prepared_statement_survives_the_rollback_of_the_transaction_that_learnt_it(pool_of_one: Engine) -> None:
    double = Prepared("double", "bigint", "SELECT $1 * 2 AS doubled")
    for _ in range(2):
        with Session(pool_of_one) as session:
            assert double.rows(session, 21) == [(42,)]
            session.rollback()


def test_a_prepared_statement_fails_with_the_errors_of_all_others(pool_of_one: Engine) -> None:
    divide = Prepared("divide", "bigint", "SELECT 1 / $1")
    with Session(pool_of_one) as session, pytest.raises(DataError):
        divide.rows(session, 0)
    with Session(pool_of_one) as session:
        without_transaction(session.connection())
        with pytest.raises(DataError):
            divide.rows(session, 0)
        assert divide.rows(session, 1) == [(1,)]


@pytest.mark.parametrize("is_reading", [True, False])
def test_a_prepared_statement_on_a_connection_that_died_fails_once(
    pool_of_one: Engine, own_engine: Engine, is_reading: bool
) -> None:
    one = Prepared("one", "bigint", "SELECT $1")
    with Session(pool_of_one) as session:
        if is_reading:
            without_transaction(session.connection())
        one.rows(session, 1)
        with own_engine.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": one_backend(session)})
        with pytest.raises((OperationalError, InterfaceError)):
            one.rows(session, 2)
    with Session(pool_of_one) as session:
        assert one.rows(session, 3) == [(3,)]


def test_a_statement_that_stands_alone_is_committed_and_leaves_the_connection_as_it_was(pool_of_one: Engine) -> None:
    with pool_of_one.begin() as connection:
        connection.execute(text("CREATE TEMP TABLE kept (n bigint)"))
    keep = Prepared("keep", "bigint", "INSERT INTO kept VALUES ($1) RETURNING n")
    assert [keep.alone(pool_of_one, n) for n in (1, 2)] == [[(1,)], [(2,)]]
    with Session(pool_of_one) as session:
        assert keep.rows(session, 3) == [(3,)]
        session.rollback()
        assert session.execute(text("SELECT n FROM kept ORDER BY n")).scalars().all() == [1, 2]


def test_a_statement_that_stands_alone_fails_with_the_errors_of_all_others(pool_of_one: Engine) -> None:
    divide = Prepared("divide_alone", "bigint", "SELECT 1 / $1")
    with pytest.raises(DataError):
        divide.alone(pool_of_one, 0)
    assert divide.alone(pool_of_one, 1) == [(1,)]


def test_a_statement_alone_on_a_connection_that_died_fails_once(pool_of_one: Engine, own_engine: Engine) -> None:
    pid = Prepared("pid", "bigint", "SELECT pg_backend_pid(), $1")
    [(first, _)] = pid.alone(pool_of_one, 1)
    with own_engine.begin() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": first})
    with pytest.raises((OperationalError, InterfaceError)):
        pid.alone(pool_of_one, 2)
    [(second, _)] = pid.alone(pool_of_one, 3)
    assert second != first


def one_backend(session: Session) -> int:
    return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())

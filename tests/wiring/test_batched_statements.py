"""Decisions made together: all of them or none, one's refusal is no other's, and a doubtful one is not repeated."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError

from models.batched_statements import BatchedWrite, array, shown, types
from models.traffic import RequestMinute
from tests.waiting import eventually
from wiring.container import Container

PATIENCE_S = 60
COLUMNS = {"minute": "timestamptz", "number": "integer", "words": "text", "code": "bytea"}
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ENDS_ITS_CONNECTION = -1


def deciding() -> BatchedWrite:
    """Notes a minute and tells what it was asked with, or ends the connection that it came by."""
    return BatchedWrite(
        "minute_noted",
        types(COLUMNS),
        f"""
        WITH shown AS (SELECT * FROM {shown(COLUMNS)}), noted AS (
            INSERT INTO request_minutes (minute, request_count, error_count, duration_us)
            SELECT minute, number, 0, CASE number WHEN {ENDS_ITS_CONNECTION}
                THEN pg_terminate_backend(pg_backend_pid())::int ELSE 0 END
            FROM shown RETURNING minute
        )
        SELECT place, number, words, encode(code, 'hex') FROM shown JOIN noted USING (minute)
        """,
    )


def while_one_waits(
    container: Container, statement: BatchedWrite, numbers: Sequence[int]
) -> list[Callable[[], object]]:
    """Have one decision wait for a row, and all of these come meanwhile; what each comes to."""

    def decide(number: int) -> object:
        return statement.rows(container.engine, FIRST + timedelta(minutes=number), number, f'"{number}\\', b"\\x")

    with ThreadPoolExecutor(len(numbers) + 1) as pool, container.transaction() as session:
        session.add(RequestMinute(minute=FIRST, request_count=0, error_count=0, duration_us=0))
        session.flush()
        first = pool.submit(decide, 0)
        batcher = eventually(lambda: statement._batcher._asking.get(container.engine), what="the first decision")
        eventually(lambda: batcher._is_asking and not batcher._waiting, what="the first to be under way")
        others = [pool.submit(decide, number) for number in numbers]
        eventually(lambda: len(batcher._waiting) == len(numbers), what="everybody else")
        session.rollback()
        assert first.result(PATIENCE_S) == [(0, '"0\\', "5c78")]
    return [other.result for other in others]


def noted(container: Container) -> list[int]:
    with container.reading() as session:
        return list(session.scalars(select(RequestMinute.request_count).order_by(RequestMinute.minute)))


def test_simultaneous_decisions_are_batched_and_each_caller_gets_its_own_answer(container: Container) -> None:
    found = while_one_waits(container, deciding(), range(1, 13))
    assert [result() for result in found] == [[(number, f'"{number}\\', "5c78")] for number in range(1, 13)]
    assert noted(container) == list(range(13))


def test_what_is_refused_for_the_sake_of_one_is_refused_to_that_one_alone(container: Container) -> None:
    found = while_one_waits(container, deciding(), [1, 2, 2, 3])
    told = [fault_of(result) for result in found]
    assert sorted(map(type, told), key=str) == sorted([type(None)] * 3 + [IntegrityError], key=str)
    assert noted(container) == [0, 1, 2, 3]


def test_nothing_is_repeated_of_which_nobody_knows_whether_it_happened(container: Container) -> None:
    found = while_one_waits(container, deciding(), [1, 2, ENDS_ITS_CONNECTION, 3])
    assert all(isinstance(fault_of(result), DBAPIError) for result in found)
    assert noted(container) == [0]


def fault_of(result: Callable[[], object]) -> Exception | None:
    try:
        result()
    except DBAPIError as fault:
        return fault
    return None


def test_an_array_is_read_as_what_it_was_written_from(container: Container) -> None:
    texts = ["", "NULL", None, 'a"b', "c\\d", "{e,f}", "ü\n"]
    with container.reading() as session:
        connection = session.connection().connection.cursor()
        connection.execute("SELECT %s::text[], %s::bytea[]", (array(texts), array([b"\\", b"", None])))
        read = connection.fetchone()
    assert read is not None
    assert read[0] == texts
    assert [None if one is None else bytes(one) for one in read[1]] == [b"\\", b"", None]

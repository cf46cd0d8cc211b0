"""Connections are given out in turns: nobody is passed over, and nothing that was handed out is lost."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.util.queue import Empty, Full

from tests.databases import Database
from tests.waiting import eventually
from wiring.database import make_engine
from wiring.fair_pool import FairPool, Turns

PATIENCE_S = 60.0


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


def waiting(turns: Turns[int], threads: ThreadPoolExecutor, count: int) -> list["Future[int]"]:
    """So many who wait, in this order."""
    asked: list[Future[int]] = []
    for number in range(count):
        asked.append(threads.submit(turns.get, True, PATIENCE_S))
        eventually(partial(_has_waiting, turns, number + 1), what="another to wait")
    return asked


def _has_waiting(turns: Turns[int], count: int) -> bool:
    return len(turns._waiting) == count


def test_who_waits_longest_is_next_and_whoever_comes_by_takes_nothing_from_them(threads: ThreadPoolExecutor) -> None:
    turns: Turns[int] = Turns(8, use_lifo=True)
    asked = waiting(turns, threads, 3)
    for number in range(3):
        turns.put(number, block=False)
        with pytest.raises(Empty):
            turns.get_nowait()
    assert [one.result(PATIENCE_S) for one in asked] == [0, 1, 2]
    for number in range(3):
        turns.put_nowait(number)
    assert [turns.get_nowait() for _ in range(3)] == [2, 1, 0]


def test_who_waited_in_vain_is_handed_nothing_any_more() -> None:
    turns: Turns[int] = Turns(1)
    with pytest.raises(Empty):
        turns.get(timeout=0.01)
    turns.put(1)
    assert turns.get() == 1
    turns.put(2)
    with pytest.raises(Full):
        turns.put(3)


def test_who_is_ended_in_their_turn_leaves_it_to_the_next(
    threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: Turns[int] = Turns(1)
    [first] = waiting(turns, threads, 1)
    [turn] = turns._waiting
    ended, real = threading.Event(), type(turn).comes

    def comes(self: object, timeout: float | None) -> None:
        real(self, timeout)  # type: ignore[arg-type]
        ended.set()
        raise KeyboardInterrupt

    monkeypatch.setattr(type(turn), "comes", comes)
    doomed = threads.submit(turns.get, True, PATIENCE_S)
    eventually(partial(_has_waiting, turns, 2), what="the doomed to wait")
    monkeypatch.undo()
    turns.put(1)
    assert first.result(PATIENCE_S) == 1
    turns.put(2)
    with pytest.raises(KeyboardInterrupt):
        doomed.result(PATIENCE_S)
    assert ended.is_set()
    assert turns.get(timeout=PATIENCE_S) == 2


def test_an_engine_has_turns_and_says_when_there_is_none(own_database: Database) -> None:
    engine = make_engine(own_database.url, pool_size=1, statement_timeout_s=15, lock_timeout_s=10)
    assert isinstance(engine.pool, FairPool)
    engine.pool._timeout = 0.01
    with engine.connect(), pytest.raises(PoolTimeoutError):
        engine.connect()
    with engine.connect() as again:
        assert again.exec_driver_sql("SELECT 1").scalar_one() == 1
    engine.dispose()

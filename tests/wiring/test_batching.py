"""Questions asked together: each gets the answer to its own, none an old one, and one's fault is no other's."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.batching import Batcher
from tests.waiting import eventually

AT_ONCE = 20
PATIENCE_S = 60


class Source:
    """Answers twice the number, remembers what it was asked together, and may be held up at its first question."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may_go_on = threading.Event()
        self.is_asked = threading.Event()

    def __call__(self, questions: Sequence[int]) -> list[int]:
        self.asked.append(list(questions))
        if not self.is_asked.is_set():
            self.is_asked.set()
            assert self.may_go_on.wait(PATIENCE_S)
        if 13 in questions:
            raise ValueError(questions)
        return [2 * question for question in questions]


@pytest.fixture
def source() -> Source:
    return Source()


def while_one_is_asked(source: Source, batcher: Batcher[int, int], numbers: Sequence[int]) -> list[Callable[[], int]]:
    """Have one question be asked, and all of these come meanwhile; what each comes to."""
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        first = pool.submit(batcher, 0)
        assert source.is_asked.wait(PATIENCE_S)
        others = [pool.submit(batcher, number) for number in numbers]
        eventually(lambda: len(batcher._waiting) == len(numbers), what="everybody's question")
        source.may_go_on.set()
        assert first.result(PATIENCE_S) == 0
    return [other.result for other in others]


def test_who_comes_meanwhile_is_asked_for_together_and_gets_the_own_answer(source: Source) -> None:
    numbers = range(100, 100 + AT_ONCE)
    found = while_one_is_asked(source, Batcher(source), numbers)
    assert [result() for result in found] == [2 * number for number in numbers]
    assert source.asked[0] == [0]
    assert sorted(source.asked[1]) == list(numbers)


def test_no_more_than_so_many_are_asked_together(source: Source) -> None:
    found = while_one_is_asked(source, Batcher(source, most=7), range(100, 100 + AT_ONCE))
    assert [result() for result in found] == [2 * number for number in range(100, 100 + AT_ONCE)]
    assert [len(asked) for asked in source.asked] == [1, 7, 7, 6]


def test_a_question_that_fails_fails_for_who_asked_it_alone(source: Source) -> None:
    found = while_one_is_asked(source, Batcher(source), [11, 12, 13, 14])
    assert [found[place]() for place in (0, 1, 3)] == [22, 24, 28]
    with pytest.raises(ValueError, match=r"\[13\]"):
        found[2]()


def test_a_failure_leaves_the_way_free_for_the_next(source: Source) -> None:
    batcher = Batcher(source)
    source.may_go_on.set()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"\[13\]"):
            batcher(13)
    assert batcher(4) == 8


class Killed(BaseException):
    """What ends a greenlet."""


def test_who_is_ended_before_they_ask_leaves_the_way_free(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(_: float) -> None:
        raise Killed

    batcher = Batcher(source)
    source.may_go_on.set()
    with monkeypatch.context() as patched:
        patched.setattr("models.batching.time.sleep", end)
        with pytest.raises(Killed):
            batcher(1)
    assert batcher(4) == 8
    assert source.asked == [[4]]

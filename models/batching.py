"""Batching of simultaneous calls: a round trip costs more than most of the rows that it fetches."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Generic, TypeVar, cast
from weakref import WeakKeyDictionary, ref

from sqlalchemy import Engine

from domain.errors import ensure

Question = TypeVar("Question")
Answer = TypeVar("Answer")
MOST: Final = 64
"""The largest batch, so that nobody waits long for the answers of others to be read."""


class Batcher(Generic[Question, Answer]):
    """Batches the calls of several threads or greenlets.

    A caller who comes while no batch is running starts one; who comes while one is running joins the next. So nobody
    gets an answer that was read before they asked, and a single caller does not wait.
    """

    def __init__(self, ask: Callable[[Sequence[Question]], Sequence[Answer]], *, most: int = MOST) -> None:
        """`ask` returns the answers in the order of the questions. If it fails, each question is asked by itself."""
        self._ask = ask
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[_Seat[Question, Answer]] = deque()
        self._is_asking = False

    def __call__(self, question: Question) -> Answer:
        """The answer to this question. Raises what `ask` raises for this question alone."""
        seat: _Seat[Question, Answer] = _Seat(question)
        with self._lock:
            self._waiting.append(seat)
            if not self._is_asking:
                self._is_asking = seat.leads = True
        try:
            if seat.leads:
                time.sleep(0)  # let others join the batch
            else:
                seat.turn.acquire()
            if seat.leads:
                self._lead(seat)
        finally:
            if seat.leads or not seat.is_answered:
                self._leave(seat)
        return seat.answer if seat.is_answered else self._ask([question])[0]

    def _lead(self, seat: "_Seat[Question, Answer]") -> None:
        """Ask for all who wait, at most MOST."""
        with self._lock:
            seat.led = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
        try:
            answers = self._ask([one.question for one in seat.led])
        except Exception:
            if len(seat.led) == 1:
                raise
            return
        for one, answer in zip(seat.led, answers, strict=True):
            one.answer, one.is_answered = answer, True

    def _leave(self, seat: "_Seat[Question, Answer]") -> None:
        """Wake those whom this batch answered, and let the first who waits lead the next, however this one ended."""
        with self._lock:
            if seat in self._waiting:
                self._waiting.remove(seat)
            if not seat.leads:
                return
            following = self._waiting[0] if self._waiting else None
            self._is_asking = following is not None
        if following is not None:
            following.leads = True
            following.turn.release()
        for one in seat.led:
            one.turn.release()


class EngineBatcher(Generic[Question, Answer]):
    """Batches calls for each database separately."""

    def __init__(self, ask: Callable[[Engine, Sequence[Question]], Sequence[Answer]]) -> None:
        """`ask` returns this database's answers in the order of the questions."""
        self._ask = ask
        self._asking: WeakKeyDictionary[Engine, Batcher[Question, Answer]] = WeakKeyDictionary()

    def __call__(self, engine: Engine, question: Question) -> Answer:
        """The answer to this question. Raises what `ask` raises for this question alone."""
        batcher = self._asking.get(engine)
        if batcher is None:
            # A weak reference, since a value of a WeakKeyDictionary must not keep its key alive.
            batcher = self._asking.setdefault(engine, Batcher(partial(self._asked, ref(engine))))
        return batcher(question)

    def _asked(self, engine: "ref[Engine]", questions: Sequence[Question]) -> Sequence[Answer]:
        live = engine()
        ensure(live is not None, "an engine asks")
        return self._ask(cast("Engine", live), questions)


class _Seat(Generic[Question, Answer]):
    """One caller's question and its answer."""

    __slots__ = ("answer", "is_answered", "leads", "led", "question", "turn")
    answer: Answer

    def __init__(self, question: Question) -> None:
        self.question = question
        self.leads = self.is_answered = False
        self.led: Sequence[_Seat[Question, Answer]] = ()
        self.turn = threading.Lock()
        self.turn.acquire()

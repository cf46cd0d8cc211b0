"""Run things at the same moment, each in a thread of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def at_once(*works: Callable[[], T]) -> list[T]:
    """Start all at the same moment; their answers in their order. The first exception is raised again."""
    start = Barrier(len(works))

    def begin(work: Callable[[], T]) -> T:
        start.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))


def shared_among(workers: int, works: Sequence[Callable[[], T]]) -> list[T]:
    """Do many things with so many workers, as fast as they can; the answers in the order of the works."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda work: work(), works))

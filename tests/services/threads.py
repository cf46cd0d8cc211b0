"""Run functions simultaneously, each in its own thread."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def at_once(*works: Callable[[], T]) -> list[T]:
    """Start all simultaneously; returns their results in order. Raises the first exception."""
    start = Barrier(len(works))

    def begin(work: Callable[[], T]) -> T:
        start.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))


def shared_among(workers: int, works: Sequence[Callable[[], T]]) -> list[T]:
    """Run many functions with this many workers; returns the results in order."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda work: work(), works))

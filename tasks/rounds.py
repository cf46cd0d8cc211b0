"""Work on each rail in a thread of its own, so that one that does not answer delays only itself."""

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Final, TypeVar

import structlog
from celery.signals import worker_process_shutdown

from domain.actor import Actor
from wiring.container import Container

log = structlog.get_logger(__name__)

PATIENCE_S: Final = 1.0
"""How long a task waits for its rails. A slower one goes on in its thread while the worker takes other tasks."""
END_WITHIN_S: Final = 5.0
"""How long a process that ends waits for running visits. Their work is leased, and will be claimed again."""

Rail = TypeVar("Rail")
Errand = Callable[[], object]
"""Works on one rail; a number that it returns is counted."""


def at(
    rails: Mapping[str, Rail], errand: Callable[[Container, Rail, Actor], object], container: Container, by: Actor
) -> dict[str, Errand]:
    """One errand for each of these rails, by name."""
    return {name: functools.partial(errand, container, rail, by) for name, rail in rails.items()}


def visit(task: str, errands: Mapping[str, Errand]) -> int:
    """Run these errands, one for each rail, in parallel. Returns the sum of the numbers returned in time.

    A task runs at most one visit per rail at a time: if one is running, another follows it, so that a wake-up that
    came meanwhile is not lost. Raises the first exception of a visit that ended in time; the others are logged.
    """
    begun = {name: _visitor(task, name).go(errand) for name, errand in errands.items()}
    going = {future: name for name, future in begun.items() if future is not None}
    back, late = wait(going, timeout=PATIENCE_S)
    for future in late:
        log.info("visit_goes_on", rail=going[future], waited_s=PATIENCE_S)
        future.add_done_callback(functools.partial(_tell, going[future]))
    failed = [future for future in going if future in back and future.exception() is not None]
    for future in failed[1:]:
        _tell(going[future], future)
    return sum(said for future in (failed or back) if isinstance(said := future.result(), int))


class _Visitor:
    """Runs the errands of one task on one rail, one after the other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"visit {name}")
        self._last: Future[object] | None = None

    def go(self, errand: Errand) -> Future[object] | None:
        """Run the errand now, or after the running visit; returns its future only if it starts now."""
        last = self._last
        if last is not None and not last.done() and not last.running():
            return None  # that one has not started yet, and will find the newest state
        self._last = self._thread.submit(copy_context().run, errand)
        if last is None or last.done():
            return self._last
        self._last.add_done_callback(functools.partial(_tell, self.name))
        return None

    def end(self) -> Future[object] | None:
        """Start no more visits. Returns the last one, which may still run."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        return self._last


@functools.cache
def _visitor(_task: str, name: str) -> _Visitor:
    """The visitor of this process, made after the fork."""
    visitor = _Visitor(name)
    _visitors.append(visitor)
    return visitor


_visitors: Final[list[_Visitor]] = []


def _tell(name: str, visited: "Future[object]") -> None:
    error = None if visited.cancelled() else visited.exception()
    if error is not None:
        log.error("visit_failed", rail=name, exc_info=error)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    under_way = {last: visitor.name for visitor in _visitors if (last := visitor.end()) is not None}
    late = wait(under_way, timeout=END_WITHIN_S).not_done
    if late:
        log.warning("visits_left", rails=sorted({under_way[last] for last in late}), waited_s=END_WITHIN_S)

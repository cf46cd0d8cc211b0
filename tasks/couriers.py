"""Threads that wait for others' servers, so that no task ever does: the queue goes on while somebody is slow."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

import structlog

log = structlog.get_logger(__name__)

END_WITHIN_S: Final = 20.0


class Couriers:
    """A few threads of one process, with a count of how many are out, and of how many on an errand that may be vain.

    What a thread carries is a row under a lease: if the process dies, somebody carries it again.
    """

    def __init__(self, name: str, *, count: int) -> None:
        """Make one after a fork; threads start when they are needed."""
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix=name)
        self._count = count
        self._lock = threading.Lock()
        self._out: dict[Future[object], bool] = {}

    @property
    def free(self) -> int:
        """How many can go now."""
        with self._lock:
            return self._count - len(self._out)

    @property
    def free_for_vain(self) -> int:
        """How many may go on errands that may be vain: never more than half of all."""
        with self._lock:
            return max(0, self._count // 2 - sum(self._out.values()))

    def send(self, errand: Callable[[], object], *, may_be_vain: bool = False) -> None:
        """Have a thread do this. What it raises is logged; the row is due again by itself."""
        with self._lock:
            future = self._pool.submit(errand)
            self._out[future] = may_be_vain
        future.add_done_callback(self._back)

    def await_all(self) -> None:
        """Wait a while for all that are out now."""
        with self._lock:
            out = list(self._out)
        wait(out, timeout=END_WITHIN_S)

    def end(self) -> None:
        """Send nobody any more, and wait a while for those who are out."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.await_all()

    def _back(self, future: "Future[object]") -> None:
        with self._lock:
            self._out.pop(future, None)
        error = None if future.cancelled() else future.exception()
        if error is not None:
            log.error("errand_failed", exc_info=error)

"""Threads that wait for other people's servers, so that no task does: the queue moves on while a server is slow."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Final

import structlog

log = structlog.get_logger(__name__)

END_WITHIN_S: Final = 20.0


class Couriers:
    """A few threads of one process, counting how many are busy, and how many with errands likely to fail.

    What a thread carries is a row under a lease: if the process dies, another carries it again.
    """

    def __init__(self, name: str, *, count: int) -> None:
        """Make one after a fork; threads start when they are needed."""
        self._pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix=name)
        self._count = count
        self._lock = threading.Lock()
        self._out: dict[Future[object], bool] = {}

    @property
    def free(self) -> int:
        """How many threads are free."""
        with self._lock:
            return self._count - len(self._out)

    @property
    def free_for_vain(self) -> int:
        """How many are free for errands that are likely to fail: never more than half of all."""
        with self._lock:
            return max(0, self._count // 2 - sum(self._out.values()))

    def send(self, errand: Callable[[], object], *, may_be_vain: bool = False) -> None:
        """Run this in a thread. An exception is logged; the row is due again by itself."""
        with self._lock:
            future = self._pool.submit(errand)
            self._out[future] = may_be_vain
        future.add_done_callback(self._back)

    def await_all(self) -> None:
        """Wait a while for all that are busy now."""
        with self._lock:
            out = list(self._out)
        wait(out, timeout=END_WITHIN_S)

    def end(self) -> None:
        """Take no more errands, and wait a while for those under way."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self.await_all()

    def _back(self, future: "Future[object]") -> None:
        with self._lock:
            self._out.pop(future, None)
        error = None if future.cancelled() else future.exception()
        if error is not None:
            log.error("errand_failed", exc_info=error)

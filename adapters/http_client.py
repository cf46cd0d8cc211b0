"""One httpx client for each process: made when first used, and anew in a forked child."""

import os
import threading
from collections.abc import Callable

import httpx


class ProcessClient:
    """The client that `make` gives, shared by all threads; a forked child never uses its parent's connections."""

    def __init__(self, make: Callable[[], httpx.Client]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: httpx.Client | None = None
        self._process_id = 0

    def get(self) -> httpx.Client:
        """The client of this process."""
        with self._lock:
            if self._made is None or self._process_id != os.getpid():
                self._process_id = os.getpid()
                self._made = self._make()
            return self._made

    def close(self) -> None:
        """Close its connections; the next `get` makes a new one."""
        with self._lock:
            if self._made is not None and self._process_id == os.getpid():
                self._made.close()
            self._made = None

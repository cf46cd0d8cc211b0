"""Wake workers through Celery, without ever making the waker wait for a broker that is down."""

import threading
from collections.abc import Iterable
from time import monotonic
from typing import Final

import structlog
from celery import Celery

log = structlog.get_logger(__name__)

SILENT_S: Final = 5.0
EXPIRES_S: Final = 60


class CeleryPublisher:
    """Publishes task names, best effort. After a failure it keeps silent for a while: the sweepers do the waking."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._silent_until = 0.0
        self._lock = threading.Lock()

    def wake(self, names: Iterable[str]) -> None:
        """Send each task once; a broker that does not answer costs one short time-out, then nothing."""
        if monotonic() < self._silent_until:
            return
        try:
            for name in sorted(names):
                self._app.send_task(name, expires=EXPIRES_S, retry=False, ignore_result=True)
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the promise is a row
            with self._lock:
                self._silent_until = monotonic() + SILENT_S
            log.warning("wake_up_lost", error=type(error).__name__, silent_s=SILENT_S)

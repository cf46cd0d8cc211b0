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
CALLER: Final = "strongroom_caller"
"""The message header that carries the correlation id of whoever promised the work."""
# Without `max_retries`, six seconds pass in attempts to connect, whatever is asked of a single publish.
IMPATIENT: Final = {"socket_timeout": 1.0, "socket_connect_timeout": 0.5, "max_retries": 0}


def impatient(app: Celery) -> Celery:
    """The same application for a process that serves people: it waits a second for its broker, not fifteen."""
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, **IMPATIENT}
    return app


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
        caller = structlog.contextvars.get_contextvars().get("correlation_id")
        headers = {CALLER: caller} if caller else None
        try:
            for name in sorted(names):
                self._app.send_task(name, expires=EXPIRES_S, retry=False, ignore_result=True, headers=headers)
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the promise is a row
            with self._lock:
                self._silent_until = monotonic() + SILENT_S
            log.warning("wake_up_lost", error=type(error).__name__, silent_s=SILENT_S)

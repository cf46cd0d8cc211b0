"""Wake workers through Celery, without making the caller wait for a broker that is down."""

import atexit
import threading
from collections.abc import Iterable, Mapping
from time import monotonic
from typing import Final, NamedTuple

import structlog
from celery import Celery

from adapters import tracing

log = structlog.get_logger(__name__)

SILENT_S: Final = 5.0
EXPIRES_S: Final = 60
BREATH_S: Final = 0.1
"""The least time between two wake-ups of the same task; those in between become one at its end. Publishing costs as
much as reading a balance or two, and tells a worker no more than "look"."""
CALLER: Final = "strongroom_caller"
"""The message header that carries the correlation id of whoever promised the work, or promised last."""
SPAN: Final = "strongroom_span"
"""The one that carries the span in which they promised it, where there are traces."""
# Without `max_retries`, six seconds pass in attempts to connect, whatever is asked of a single publish.
IMPATIENT: Final = {"socket_timeout": 1.0, "socket_connect_timeout": 0.5, "max_retries": 0}


class Caller(NamedTuple):
    """Who promised work: the correlation id, and the span."""

    correlation_id: str | None
    span: str | None


def impatient(app: Celery) -> Celery:
    """The same application, for a process that serves people: it waits one second for its broker, not fifteen.

    Nor does it announce each wake-up, which is a third of the cost of sending: workers report what they receive.
    """
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, **IMPATIENT}
    app.conf.task_send_sent_event = False
    return app


class CeleryPublisher:
    """Publishes task names, best effort: the first at once, those soon after it as one.

    After a failure nothing is published for a while: sweeps do the waking.
    """

    def __init__(self, app: Celery) -> None:
        """Make one after a fork: what waits to be sent belongs to one process."""
        self._app = app
        self._silent_until = 0.0
        self._sent_at: dict[str, float] = {}
        # Task names, so never more than there are tasks, each with who asked last.
        self._waiting: dict[str, Caller] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        atexit.register(self.flush)

    def wake(self, names: Iterable[str]) -> None:
        """Send each task once, or soon; a broker that does not answer costs one short time-out, then nothing."""
        caller = Caller(structlog.contextvars.get_contextvars().get("correlation_id"), tracing.carried())
        now, asked = monotonic(), set(names)
        with self._lock:
            if now < self._silent_until:
                return
            at_once = {name for name in asked if now - self._sent_at.get(name, float("-inf")) >= BREATH_S}
            self._sent_at.update(dict.fromkeys(at_once, now))
            self._waiting.update(dict.fromkeys(asked - at_once, caller))
            if self._waiting and self._timer is None:
                self._timer = threading.Timer(BREATH_S, self.flush)
                self._timer.daemon = True
                self._timer.start()
        self._send(dict.fromkeys(at_once, caller))

    def flush(self) -> None:
        """Send what waits, now: when its time has come, and before the process ends."""
        with self._lock:
            waiting, self._waiting, self._timer = self._waiting, {}, None
            now = monotonic()
            self._sent_at.update(dict.fromkeys(waiting, now))
            if now < self._silent_until:
                return
        self._send(waiting)

    def _send(self, callers: Mapping[str, Caller]) -> None:
        try:
            for name, caller in sorted(callers.items()):
                headers = {key: value for key, value in zip((CALLER, SPAN), caller, strict=True) if value}
                self._app.send_task(name, expires=EXPIRES_S, retry=False, ignore_result=True, headers=headers or None)
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the promise is a row
            with self._lock:
                self._silent_until = monotonic() + SILENT_S
            log.warning("wake_up_lost", error=type(error).__name__, silent_s=SILENT_S)

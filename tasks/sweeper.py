"""Sweep without beat: every worker wakes all sweeps now and then, so that a missing beat costs seconds, not work."""

import random
import threading
from typing import Final

from celery.signals import worker_ready, worker_shutting_down

from tasks.app import app
from tasks.publisher import CeleryPublisher
from tasks.schedule import SWEEPS

INTERVAL_S: Final = 15.0
_stopped = threading.Event()


def sweep_until(stopped: threading.Event, *, interval_s: float = INTERVAL_S) -> None:
    """Wake every sweep at once, then again each interval, give or take a fifth, until told to stop."""
    publisher = CeleryPublisher(app)
    while not stopped.is_set():
        publisher.wake(SWEEPS)
        stopped.wait(interval_s * random.uniform(0.8, 1.2))  # noqa: S311 - only spreads the load


@worker_ready.connect  # type: ignore[untyped-decorator]
def _start(**_: object) -> None:
    threading.Thread(target=sweep_until, args=(_stopped,), name="sweeper", daemon=True).start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    _stopped.set()

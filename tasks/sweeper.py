"""Sweep without beat: every worker wakes its own sweeps now and then, so that a missing beat costs only time."""

import random
import threading
from collections.abc import Collection
from time import monotonic
from typing import Any, Final

from celery.signals import worker_ready, worker_shutdown

from tasks.app import app
from tasks.publisher import CeleryPublisher
from tasks.schedule import SWEEPS, queue_of

INTERVAL_S: Final = 15.0
SELDOM_S: Final = 300.0
"""Every sweep is woken at least this often: a wake-up may be lost, and a daily task finds out for itself whether it is
due."""
FIRST: Final = "alerts.evaluate"
"""The first sweep when a worker starts: the others ask nodes, and may wait for one that is silent."""
_stopped = threading.Event()


class Rota:
    """The due sweeps of some queues: all at first, and then each after its own interval."""

    def __init__(self, queues: Collection[str]) -> None:
        """Begin with every sweep of these queues."""
        self._due_at = {name: float("-inf") for name in SWEEPS if queue_of(name) in queues}

    def take(self, now_s: float) -> list[str]:
        """The sweeps that are due now, the first one always first; they are then due again after their intervals."""
        due = sorted((name for name, at in self._due_at.items() if at <= now_s), key=lambda name: name != FIRST)
        self._due_at.update({name: now_s + min(SWEEPS[name], SELDOM_S) for name in due})
        return due


def sweep_until(stopped: threading.Event, *, queues: Collection[str], interval_s: float = INTERVAL_S) -> None:
    """Wake the sweeps of these queues at once, then again each interval, give or take a fifth, until told to stop."""
    publisher, rota = CeleryPublisher(app), Rota(queues)
    while not stopped.is_set():
        for name in rota.take(monotonic()):
            publisher.wake([name])
        stopped.wait(interval_s * random.uniform(0.8, 1.2))  # noqa: S311 - only spreads the load


@worker_ready.connect  # type: ignore[untyped-decorator]
def _start(sender: Any, **_: object) -> None:
    told = {"queues": frozenset(sender.app.amqp.queues.consume_from)}
    threading.Thread(target=sweep_until, args=(_stopped,), kwargs=told, name="sweeper", daemon=True).start()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    _stopped.set()

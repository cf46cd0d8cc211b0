"""The tasks that read what flows record, at work in a process of their own beside the one that is measured."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Final

from tasks import alerts, feed, rollups
from tasks.schedule import SWEEPS
from wiring.container import build_container
from wiring.settings import Settings

START_PATIENCE_S: Final = 60.0
_ON, _OFF, _END = "on", "off", "end"


class Beside:
    """A switch for them."""

    def __init__(self, told: "Connection[str, str]") -> None:
        self._told = told

    def switch(self, *, on: bool) -> None:
        """Have them work, at the pace of an installation, or rest; returns once they do."""
        self._told.send(_ON if on else _OFF)
        if not self._told.poll(START_PATIENCE_S):
            raise RuntimeError("the tasks beside do not answer")
        self._told.recv()


@contextmanager
def overwatch(settings: Settings) -> Iterator[Beside]:
    """The feed, the sums and the alerts of this house, resting at first."""
    # Forked: settings hold secrets, which are not pickled. Connections are not inherited (wiring/database.py).
    processes = multiprocessing.get_context("fork")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_serve, args=(settings, theirs))
    process.start()
    try:
        beside = Beside(ours)
        beside.switch(on=False)
        yield beside
    finally:
        ours.send(_END)
        process.join()


def _serve(settings: Settings, told: "Connection[str, str]") -> None:
    parts = build_container(settings)
    works = {"feed.push": feed.push_events, "rollups.fold": rollups.fold_some, "alerts.evaluate": alerts.evaluate_due}
    due = dict.fromkeys(works, 0.0)
    order = _OFF
    while order != _END:
        if order == _ON:
            for name in [name for name, at in due.items() if at <= time.monotonic()]:
                works[name](parts)
                due[name] = time.monotonic() + SWEEPS[name]
        if told.poll(max(0.0, min(due.values()) - time.monotonic()) if order == _ON else None):
            order = told.recv()
            if order != _END:
                told.send(order)
    parts.engine.dispose()

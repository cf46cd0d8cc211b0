"""What workers and beat count and answer: tasks by outcome, calls to others, and what their processes use."""

import os
from time import perf_counter
from typing import Any, Final
from wsgiref.simple_server import WSGIServer

import structlog
from celery.signals import beat_init, task_postrun, task_prerun, worker_init, worker_ready, worker_shutdown

from adapters import tracing
from services.traffic import Run
from tasks.runtime import settings
from wiring.container import Container
from wiring.metrics import exposition, shared
from wiring.metrics.group import GroupCollector
from wiring.tallies import Tally, tasks_of

log = structlog.get_logger(__name__)
_DONE: Final = "SUCCESS"


class _Measuring:
    """What one process measures with: a worker's children count tasks, and its parent answers."""

    tally: Tally[Run] | None = None
    server: WSGIServer | None = None
    started = 0.0


def begin(parts: Container) -> None:
    """Count this process's tasks, and trace them if that is wanted; it has just been forked."""
    if _Measuring.server is not None:
        # The parent's: a child that outlives it must not hold its port.
        _Measuring.server.socket.close()
        _Measuring.server = None
    where = shared.directory()
    if where is not None:
        shared.fold(where)
    _Measuring.tally = tasks_of(parts.transaction)
    if parts.settings.otlp_endpoint is not None:
        tracing.begin(parts.settings.otlp_endpoint, "strongroom-worker")


def end() -> None:
    """Write what this process counted: it ends."""
    if _Measuring.tally is not None:
        _Measuring.tally.flush()
    tracing.end()


@task_prerun.connect  # type: ignore[untyped-decorator]
def _started(**_: object) -> None:
    _Measuring.started = perf_counter()


@task_postrun.connect  # type: ignore[untyped-decorator]
def _ended(task: Any = None, state: str | None = None, **_: object) -> None:
    if _Measuring.tally is not None:
        run = Run(task.name, "done" if state == _DONE else "failed")
        _Measuring.tally.count(run, duration_s=perf_counter() - _Measuring.started)


@worker_init.connect  # type: ignore[untyped-decorator]
def _share(**_: object) -> None:
    """Have the children share what they count, before there are any; nobody does where nobody will ask."""
    told = settings()
    if told.metrics_port is not None:
        shared.share(told.var_dir, "worker")


@worker_ready.connect  # type: ignore[untyped-decorator]
@beat_init.connect  # type: ignore[untyped-decorator]
def _serve(**_: object) -> None:
    told = settings()
    port = told.metrics_port
    if port is None:
        return
    registry = exposition.registry(GroupCollector(os.getpid()))
    try:
        _Measuring.server = exposition.serve(told.host, port, told.metrics_token, registry)
    except OSError as error:
        # Whoever asks sees that there is no answer; the work goes on.
        log.error("metrics_port_taken", port=port, reason=error.strerror)  # noqa: TRY400 - the reason says it all


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def _leave(**_: object) -> None:
    shared.leave()

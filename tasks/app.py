"""The Celery application, and the policy that every task is under."""

import ctypes
import functools
import os
import signal
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

import structlog
from billiard import pool as processes
from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from adapters.tracing import span
from domain.actor import Actor
from domain.ids import new_id
from tasks import measuring
from tasks.publisher import CALLER, SPAN
from wiring.container import Container
from wiring.leaving import leave_at_once
from wiring.log_keeper import keep_lines
from wiring.logging import configure_logging
from wiring.settings import read_settings

log = structlog.get_logger(__name__)
app = Celery("strongroom", config_source="celeryconfig")
leave_at_once()

MODULES: Final = (
    "tasks.addresses",
    "tasks.alerts",
    "tasks.buffers",
    "tasks.chains",
    "tasks.conversions",
    "tasks.deposits",
    "tasks.feed",
    "tasks.flows",
    "tasks.ledger",
    "tasks.mail",
    "tasks.news",
    "tasks.notifications_in",
    "tasks.outbox",
    "tasks.payouts",
    "tasks.prices",
    "tasks.providers",
    "tasks.replenishments",
    "tasks.rollups",
    "tasks.screening",
    "tasks.streams",
    "tasks.sweeper",
    "tasks.sweeps",
    "tasks.upkeep",
    "tasks.verifications",
    "tasks.watch_wallets",
    "tasks.webhooks",
    "tasks.withdrawals",
)
app.conf.include = MODULES
GRACE_S: Final = 30
"""How long before its time limit a task is told to let go."""
UNREAD_LOOKS: Final = 10
"""How often, a tenth of a second apart, a process that ends looks whether its last result was read."""
_PR_SET_PDEATHSIG: Final = 1
"""prctl(2): the signal that a process gets when its parent dies."""

Work = Callable[..., object]


class TaskFailed(Exception):
    """All that leaves a process of an error: its name, and the correlation id by which the log has the rest.

    The error itself, with all it went through, may be more than fits the pipe to the worker (64 KiB), which reads no
    more once it stops: the process would wait to be read, and the worker for the process.
    """


def task(name: str, *, time_limit_s: int | None = None) -> Callable[[Callable[..., object]], Any]:
    """Register `work(container, by, *arguments)` as the task of this name.

    Every task may run twice, at once or never: it claims rows, so that only the first finds work and a sweep finds
    what was missed. It is never retried by Celery: an exception is logged here, with what it was doing, and the rows
    are due again by themselves. `time_limit_s` replaces the limit that all others share.
    """
    limits = {} if time_limit_s is None else {"time_limit": time_limit_s, "soft_time_limit": time_limit_s - GRACE_S}

    def register(work: Work) -> Any:
        @functools.wraps(work)
        def run(*arguments: Any) -> None:
            correlation_id = _header(CALLER) or str(new_id())
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(task=name, correlation_id=correlation_id)
            started = perf_counter()
            try:
                with span(name, "CONSUMER", parent=_header(SPAN), strongroom__correlation_id=correlation_id):
                    outcome = work(container(), Actor(f"task:{name}", correlation_id=correlation_id), *arguments)
            except Exception as error:
                log.exception("task_failed", duration_ms=_elapsed_ms(started))
                raise TaskFailed(f"{type(error).__name__}, correlation id {correlation_id}") from None
            if outcome:
                log.info("task_done", outcome=outcome, duration_ms=_elapsed_ms(started))

        return app.task(name=name, bind=False, **limits)(run)

    return register


@functools.cache
def container() -> Container:
    """The parts of this process, put together at first use, which in a worker is after the fork."""
    from tasks.runtime import build  # Celery's tools import this module without needing a database.

    return build(app)


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log(**_: object) -> None:
    configure_logging(read_settings(os.environ))


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _start(**_: object) -> None:
    container.cache_clear()
    made = container()
    keep_lines(made.transaction, made.now)
    measuring.begin(made)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _leave_at_once(**_: object) -> None:
    """Have this process end when it is told to, and not wait half a minute for its results to be read.

    A job whose result lies unread when its worker begins to stop may be forgotten there, and then nobody ever reads it:
    the process would outlive every patience and be killed. Results are rows here; nothing in it is missed.
    """
    processes.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = UNREAD_LOOKS


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _die_with_its_worker(**_: object) -> None:
    """Have the kernel end this process when its worker is killed: nobody reads what it would wait to hand over.

    Whatever it was doing is claimed again once its lease is over, as after any other death.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    measuring.end()
    container().engine.dispose()


def _header(name: str) -> str | None:
    """What the request or task that promised this work sent along with the message under this name, if anything."""
    current = app.current_task
    headers = (getattr(current.request, "headers", None) or {}) if current is not None else {}
    value = headers.get(name)
    return value if isinstance(value, str) else None


def _elapsed_ms(started: float) -> float:
    return round((perf_counter() - started) * 1000, 1)

"""The metrics that a process records, in Prometheus's own library.

The library is loaded by the first count: by then the process knows whether it shares its counts with others
(wiring/metrics/shared.py).
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from adapters import tracing
from domain.errors import StrongroomError
from domain.metrics import CALL_SECONDS, Metric

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram


class _Own:
    """This process's registry and metrics."""

    lock = threading.Lock()
    registry: "CollectorRegistry | None" = None
    made: dict[Metric, Any] = {}  # noqa: RUF012 - replaced as a whole, see _begin_anew


def registry() -> "CollectorRegistry":
    """The registry of this process, used unless its counts are shared with other processes."""
    from prometheus_client import CollectorRegistry

    with _Own.lock:
        if _Own.registry is None:
            _Own.registry = CollectorRegistry()
        return _Own.registry


def counter(metric: Metric) -> "Counter":
    """The counter of this name in this process."""
    from prometheus_client import Counter

    found: Counter | None = _Own.made.get(metric)
    return found or _kept(metric, Counter)


def histogram(metric: Metric) -> "Histogram":
    """The histogram of this name in this process."""
    from prometheus_client import Histogram

    found: Histogram | None = _Own.made.get(metric)
    return found or _kept(metric, Histogram, buckets=metric.buckets)


@contextmanager
def timed(adapter: str, peer: str) -> Iterator[None]:
    """Time and trace one call to an outside service. An exception is counted by its code and raised on."""
    started, outcome = perf_counter(), "ok"
    try:
        with tracing.span(adapter, "CLIENT", server__address=peer):
            yield
    except StrongroomError as refusal:
        outcome = refusal.code
        raise
    except BaseException as fault:
        outcome = type(fault).__name__
        raise
    finally:
        took(adapter, peer, outcome, perf_counter() - started)


def took(adapter: str, peer: str, outcome: str, seconds: float) -> None:
    """Record a call that was timed elsewhere. `peer` is a label: name only those that an operator configured."""
    histogram(CALL_SECONDS).labels(adapter, peer, outcome).observe(seconds)


@cache
def peer_of(url: str) -> str:
    """Host and port of a URL; the rest may hold a key."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""


def _kept(metric: Metric, kind: Any, **more: Any) -> Any:
    told = registry()
    with _Own.lock:
        if metric not in _Own.made:
            _Own.made[metric] = kind(metric.name, metric.meaning, metric.labels, registry=told, **more)
        return _Own.made[metric]


def _begin_anew() -> None:
    """Drop the parent's metrics after a fork, and with them locks that one of its threads may have held."""
    _Own.lock = threading.Lock()
    _Own.registry, _Own.made = None, {}
    values = sys.modules.get("prometheus_client.values")
    if values is not None:
        values.ValueClass = values.get_value_class()  # type: ignore[attr-defined]


os.register_at_fork(after_in_child=_begin_anew)

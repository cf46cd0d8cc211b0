"""What a process counts for itself, in Prometheus's own library.

The library is loaded by the first count: by then the process knows whether it shares its counts with others.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from domain.errors import StrongroomError
from domain.metrics import CALL_SECONDS, Metric

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram


@cache
def counter(metric: Metric) -> "Counter":
    """The counter of this name in this process."""
    from prometheus_client import Counter

    return Counter(metric.name, metric.meaning, metric.labels)


@cache
def histogram(metric: Metric) -> "Histogram":
    """The histogram of this name in this process."""
    from prometheus_client import Histogram

    return Histogram(metric.name, metric.meaning, metric.labels, buckets=metric.buckets)


@contextmanager
def timed(adapter: str, peer: str) -> Iterator[None]:
    """Time one call to somebody outside. What it raises passes, and is counted by its code."""
    started, outcome = perf_counter(), "ok"
    try:
        yield
    except StrongroomError as refusal:
        outcome = refusal.code
        raise
    except BaseException:
        outcome = "broken"
        raise
    finally:
        took(adapter, peer, outcome, perf_counter() - started)


def took(adapter: str, peer: str, outcome: str, seconds: float) -> None:
    """Count a call that was timed elsewhere. Only peers that an operator chose have names: there are few of them."""
    histogram(CALL_SECONDS).labels(adapter, peer, outcome).observe(seconds)


@cache
def peer_of(url: str) -> str:
    """Host and port of an address, and nothing else of it: the rest may hold a key."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""

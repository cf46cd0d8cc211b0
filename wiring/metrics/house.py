"""The figures of the whole house, read from the database and Redis when somebody asks, and not too often."""

import threading
from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Final

import structlog
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from adapters import queues
from domain import metrics
from domain.queues import QUEUES
from services import figures
from services.figures import Figure
from wiring.container import Container

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

FRESH_S: Final = 5.0
"""For how long the same figures are repeated, however often somebody asks."""
STATEMENT_TIMEOUT_MS: Final = 2000

log = structlog.get_logger(__name__)


class HouseCollector:
    """Reads the figures of the house; one reading at a time, and what cannot be read is absent."""

    def __init__(self, parts: Container) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._known: list[Figure] = []
        self._known_at = float("-inf")

    def collect(self) -> Iterable["Metric"]:
        """Every metric of the house, also those without a value now."""
        with self._lock:
            if monotonic() - self._known_at > FRESH_S:
                self._known = [*self._of_database(), *self._of_redis()]
                self._known_at = monotonic()
            return families(self._known)

    def _of_database(self) -> list[Figure]:
        try:
            with self._parts.transaction() as session:
                session.execute(text(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}"))
                found = list(figures.read(session, now=self._parts.now()))
        except SQLAlchemyError as fault:
            log.warning("figures_not_read", source="database", error=type(fault).__name__)
            return [Figure(metrics.READABLE, ("database",), 0)]
        return [Figure(metrics.READABLE, ("database",), 1), *found]

    def _of_redis(self) -> list[Figure]:
        settings = self._parts.settings
        try:
            lengths = queues.lengths(settings.redis_database(0).reveal(), QUEUES) if settings.redis_url else {}
        except RedisError as fault:
            log.warning("figures_not_read", source="redis", error=type(fault).__name__)
            return [Figure(metrics.READABLE, ("redis",), 0)]
        found = [Figure(metrics.QUEUE_LENGTH, (queue,), length) for queue, length in lengths.items()]
        users = Figure(metrics.USERS, (), self._parts.presence.count())
        return [Figure(metrics.READABLE, ("redis",), 1), users, *found]


def families(found: Iterable[Figure], *, told_by: str = metrics.HOUSE) -> list["Metric"]:
    """Figures in the library's shape: every metric that these processes tell, be it without any figure."""
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

    made: dict[str, Metric] = {}
    for metric in metrics.METRICS.values():
        if metric.told_by == told_by:
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            made[metric.name] = kind(metric.name, metric.meaning, labels=metric.labels)
    for figure in found:
        made[figure.metric.name].add_metric(figure.labels, figure.value)  # type: ignore[attr-defined]
    return list(made.values())

"""A program's processes as Linux sees them: the one that forks and its children; elsewhere nothing is said."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from domain import metrics
from wiring.metrics.shared import directory

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_PROC: Final = Path("/proc")
# Places in /proc/<pid>/stat behind the name, which may hold anything: see proc_pid_stat(5).
_UTIME, _STIME, _CUTIME, _CSTIME, _RSS = 11, 12, 13, 14, 21


def group() -> "list[GroupCollector]":
    """The collector for the program that this process belongs to, if its processes share their counts."""
    return [] if directory() is None else [GroupCollector(os.getppid())]


class GroupCollector:
    """Processes, processor time and memory of the process with this id and of those that it forked."""

    def __init__(self, process_id: int) -> None:
        self._process_id = process_id

    def collect(self) -> Iterable["Metric"]:
        """Three metrics; none where there is no /proc."""
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

        parent = _stat(self._process_id)
        if parent is None:
            return
        found = [parent, *_children(self._process_id)]
        # Of children that ended, the parent keeps the sum.
        ticks = parent[_CUTIME] + parent[_CSTIME] + sum(stat[_UTIME] + stat[_STIME] for stat in found)
        memory = sum(stat[_RSS] for stat in found) * os.sysconf("SC_PAGE_SIZE")
        yield GaugeMetricFamily(metrics.PROCESSES.name, metrics.PROCESSES.meaning, value=len(found))
        yield GaugeMetricFamily(metrics.MEMORY_BYTES.name, metrics.MEMORY_BYTES.meaning, value=memory)
        yield CounterMetricFamily(
            metrics.CPU_SECONDS.name, metrics.CPU_SECONDS.meaning, value=ticks / os.sysconf("SC_CLK_TCK")
        )


def _children(process_id: int) -> Iterator[list[int]]:
    try:
        children = (_PROC / str(process_id) / "task" / str(process_id) / "children").read_text().split()
    except OSError:
        return
    for child in children:
        stat = _stat(int(child))
        if stat is not None:
            yield stat


def _stat(process_id: int) -> list[int] | None:
    try:
        text = (_PROC / str(process_id) / "stat").read_text()
    except OSError:
        return None
    # The state, first behind the name, is a letter.
    return [0, *map(int, text.rpartition(") ")[2].split()[1:])]

"""How many requests and tasks there are and how well they go, in sums that outlive the processes that count."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models import dropping
from models.traffic import RequestMinute, TaskTotal

KEPT: Final = timedelta(days=1)
"""How long single minutes are kept."""

# Rows in one order everywhere, so that concurrent processes wait for each other and never deadlock.
_ADD_REQUESTS: Final = text(
    """
    INSERT INTO request_minutes (minute, request_count, error_count, duration_us)
    SELECT * FROM unnest(CAST(:minutes AS timestamptz[]), CAST(:counts AS bigint[]), CAST(:errors AS bigint[]),
        CAST(:durations AS bigint[])) AS counted (minute, request_count, error_count, duration_us) ORDER BY minute
    ON CONFLICT (minute) DO UPDATE SET request_count = request_minutes.request_count + EXCLUDED.request_count,
        error_count = request_minutes.error_count + EXCLUDED.error_count,
        duration_us = request_minutes.duration_us + EXCLUDED.duration_us
    """
)
_ADD_TASKS: Final = text(
    """
    INSERT INTO task_totals (task, outcome, run_count, duration_us)
    SELECT * FROM unnest(CAST(:tasks AS text[]), CAST(:outcomes AS text[]), CAST(:counts AS bigint[]),
        CAST(:durations AS bigint[])) AS counted (task, outcome, run_count, duration_us) ORDER BY task, outcome
    ON CONFLICT (task, outcome) DO UPDATE SET run_count = task_totals.run_count + EXCLUDED.run_count,
        duration_us = task_totals.duration_us + EXCLUDED.duration_us
    """
)


@dataclass(slots=True)
class Counted:
    """A number of things, how many of them failed, and how long they took in all, in microseconds."""

    count: int = 0
    error_count: int = 0
    duration_us: int = 0

    def add(self, other: "Counted") -> None:
        """Count these as well."""
        self.count += other.count
        self.error_count += other.error_count
        self.duration_us += other.duration_us


class Run(NamedTuple):
    """A task by its name, and how it ended: done or failed."""

    task: str
    outcome: str


def add_requests(session: Session, counted: Mapping[datetime, Counted]) -> None:
    """Add one process's requests, by the minute in which they were answered."""
    rows = [(minute, each.count, each.error_count, each.duration_us) for minute, each in counted.items()]
    names = ("minutes", "counts", "errors", "durations")
    session.execute(_ADD_REQUESTS, dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def add_tasks(session: Session, counted: Mapping[Run, Counted]) -> None:
    """Add one process's tasks."""
    rows = [(run.task, run.outcome, each.count, each.duration_us) for run, each in counted.items()]
    names = ("tasks", "outcomes", "counts", "durations")
    session.execute(_ADD_TASKS, dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def minutes(session: Session, *, after: datetime) -> list[tuple[datetime, Counted]]:
    """The requests of each minute after this moment that had any, newest first."""
    rows = session.execute(
        select(RequestMinute.minute, RequestMinute.request_count, RequestMinute.error_count, RequestMinute.duration_us)
        .where(RequestMinute.minute > after)
        .order_by(RequestMinute.minute.desc())
    )
    return [(minute, Counted(count, errors, duration_us)) for minute, count, errors, duration_us in rows]


def tasks(session: Session) -> dict[Run, Counted]:
    """Every task that ever ran, with how often and how long it did."""
    rows = session.execute(select(TaskTotal.task, TaskTotal.outcome, TaskTotal.run_count, TaskTotal.duration_us))
    return {Run(task, outcome): Counted(count, 0, duration_us) for task, outcome, count, duration_us in rows}


def forget_old(session: Session, *, now: datetime) -> int:
    """Drop some of the old minutes; returns how many."""
    return dropping.some(session, RequestMinute, RequestMinute.minute < now - KEPT)

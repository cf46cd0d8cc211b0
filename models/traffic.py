"""Sums of traffic: requests by the minute, and tasks in total."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class RequestMinute(Base):
    """The requests that all web processes answered within one minute (UTC).

    Errors are answers of 5xx. The duration is the sum of the times until answers began, in microseconds.
    """

    __tablename__ = "request_minutes"

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    request_count: Mapped[int]
    error_count: Mapped[int]
    duration_us: Mapped[int]


class TaskTotal(Base):
    """How often all workers together ran a task to one outcome, and the sum of its run times."""

    __tablename__ = "task_totals"

    task: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    run_count: Mapped[int]
    duration_us: Mapped[int]

"""What this house does, in sums: its requests by the minute, its tasks since the beginning."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class RequestMinute(Base):
    """The requests that all web processes together answered within one minute (UTC).

    An error is an answer of 5xx. Durations are those until the answer began, in microseconds, added up.
    """

    __tablename__ = "request_minutes"

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    request_count: Mapped[int]
    error_count: Mapped[int]
    duration_us: Mapped[int]


class TaskTotal(Base):
    """How often the processes of all workers together ran a task to one outcome, and for how long in all."""

    __tablename__ = "task_totals"

    task: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    run_count: Mapped[int]
    duration_us: Mapped[int]

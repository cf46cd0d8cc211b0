"""The state of alerts between evaluations, when rules were evaluated, and pauses, acknowledgements and silences."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class AlertState(Base):
    """An alert that is not normal: one row for each fingerprint, gone when it is normal again."""

    __tablename__ = "alert_states"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'firing', 'recovering')", name="state_is_known"),
        Index("ix_alert_states_alert_code", "alert_code"),
    )

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    alert_code: Mapped[str]
    service_scope: Mapped[str]
    state: Mapped[str]
    since: Mapped[datetime]
    reason: Mapped[str]
    details: Mapped[dict[str, Any]]
    looked_at: Mapped[datetime]


class AlertEvaluation(Base):
    """When a rule was last evaluated, and whether it could be."""

    __tablename__ = "alert_evaluations"
    __table_args__ = (CheckConstraint("outcome IN ('known', 'nodata', 'error')", name="outcome_is_known"),)

    alert_code: Mapped[str] = mapped_column(primary_key=True)
    evaluated_at: Mapped[datetime]
    outcome: Mapped[str]
    error: Mapped[str | None]


class AlertPause(Base):
    """A pause of the evaluation of rules until `ends_at`; no row, or one that is over, while rules are evaluated."""

    __tablename__ = "alert_pauses"
    __table_args__ = (
        CheckConstraint("single", name="there_is_only_one"),
        CheckConstraint("ends_at > paused_at AND ends_at <= paused_at + INTERVAL '24 hours'", name="ends_within_a_day"),
    )

    single: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    paused_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    paused_by: Mapped[str]
    reason: Mapped[str]


class AlertAcknowledgement(Base):
    """That an operator looks after an alert; it counts until the alert is raised anew."""

    __tablename__ = "alert_acknowledgements"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    raised_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime]
    acknowledged_by: Mapped[str]
    note: Mapped[str]


class AlertSilence(Base):
    """A time in which the alerts of a code, or of one scope of it, notify nobody."""

    __tablename__ = "alert_silences"
    __table_args__ = (
        CheckConstraint("ends_at > begins_at", name="ends_after_it_begins"),
        Index("ix_alert_silences_ends_at", "ends_at"),
        Index("ix_alert_silences_untold", "ends_at", postgresql_where=text("told_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    alert_code: Mapped[str]
    # None: every scope of the code.
    service_scope: Mapped[str | None]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str]
    created_by: Mapped[str]
    # When operators were notified of what was still raised at its end.
    told_at: Mapped[datetime | None]

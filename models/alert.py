"""Alerts, as an append-only stream of transitions: raised and cleared."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base
from models.consumer import WRITTEN_BY


class OpsAlert(Base):
    """One transition of an alert; the newest row of a fingerprint says whether it is raised. Append-only by trigger."""

    __tablename__ = "ops_alerts"
    __table_args__ = (
        CheckConstraint("status IN ('raised', 'cleared')", name="status_is_known"),
        CheckConstraint("severity IN ('info', 'warning', 'critical')", name="severity_is_known"),
        Index("ix_ops_alerts_fingerprint_seq", "fingerprint", "seq"),
        # Every transition, newest first.
        Index("ix_ops_alerts_seq", "seq"),
        Index("ix_ops_alerts_tx_hash", "tx_hash", postgresql_where=text("tx_hash IS NOT NULL")),
        Index("ix_ops_alerts_xid_seq", "xid", "seq", unique=True),
    )

    alert_event_id: Mapped[UUID] = mapped_column(primary_key=True)
    alert_code: Mapped[str] = mapped_column(index=True)
    fingerprint: Mapped[str]
    status: Mapped[str]
    severity: Mapped[str]
    reason: Mapped[str]
    service_scope: Mapped[str] = mapped_column(index=True)
    pair: Mapped[str | None]
    asset_id: Mapped[str | None]
    tx_hash: Mapped[str | None]
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    details: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = mapped_column(index=True)
    seq: Mapped[int] = mapped_column(Identity(always=True))
    xid: Mapped[int] = mapped_column(server_default=text(WRITTEN_BY))


class StandingAlert(Base):
    """An alert that is raised now, by its newest transition.

    Maintained by a trigger of `ops_alerts`, which is the truth, so that open alerts are found without reading history.
    """

    __tablename__ = "standing_alerts"

    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    alert_event_id: Mapped[UUID] = mapped_column(ForeignKey("ops_alerts.alert_event_id"), unique=True)

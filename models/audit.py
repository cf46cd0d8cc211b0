"""The audit log: who did what, from where; append-only by trigger."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class AuditLog(Base):
    """One line of the audit log."""

    __tablename__ = "audit_logs"
    __table_args__ = (
        Index("ix_audit_logs_user_id_id", "user_id", "id"),
        Index("ix_audit_logs_event_id", "event", "id"),
        Index("ix_audit_logs_address_id", "address", "id", postgresql_where=text("address IS NOT NULL")),
        Index("ix_audit_logs_refused", "id", postgresql_where=text("NOT success")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    event: Mapped[str]
    user_id: Mapped[UUID | None]
    actor: Mapped[str]
    success: Mapped[bool]
    address: Mapped[str | None]
    user_agent: Mapped[str | None]
    request_id: Mapped[str | None]
    detail: Mapped[dict[str, Any]]

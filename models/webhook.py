"""Notifications from providers, kept for ever so that each is processed once, and the keys that sign them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased


class ReceivedNotification(Leased, Base):
    """One notification. Unverified ones wait for their key to be fetched; their number is bounded."""

    __tablename__ = "received_notifications"
    __table_args__ = (
        CheckConstraint("scheme ~ '^[a-z][a-z0-9_]{0,31}$'", name="scheme_is_a_short_name"),
        CheckConstraint("verified OR processed_at IS NULL", name="acted_on_when_verified"),
        # Unique among verified ones only, so that a forgery cannot take the place of the genuine one.
        Index(
            "uq_received_notifications_verified",
            "provider",
            "notification_id",
            unique=True,
            postgresql_where=text("verified"),
        ),
        Index("ix_received_notifications_open", "provider", "id", postgresql_where=text("processed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider: Mapped[str]
    topic: Mapped[str]
    scheme: Mapped[str]
    notification_id: Mapped[str]
    kind: Mapped[str]
    resource_id: Mapped[str]
    reference: Mapped[str]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    verified: Mapped[bool]
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    outcome: Mapped[str | None]


class NotificationKey(Base):
    """A public key of a provider, by the name that its signatures refer to."""

    __tablename__ = "notification_keys"

    provider: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary)
    fetched_at: Mapped[datetime]


class NotificationRefusal(Base):
    """The number of notifications refused for their signature, by provider and hour."""

    __tablename__ = "notification_refusals"

    provider: Mapped[str] = mapped_column(primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int] = mapped_column(default=0)

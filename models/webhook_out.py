"""Outgoing webhooks: endpoints, messages and delivery attempts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased


class WebhookEndpoint(Base):
    """An endpoint that receives events.

    With `user_id` alone it receives that person's events; with `client_id` as well, those of the people who granted the
    app access to them; with neither it is the house's own and receives all.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        CheckConstraint("client_id IS NULL OR user_id IS NOT NULL", name="an_app_has_an_owner"),
        CheckConstraint(
            "disabled_because IS NULL OR disabled_because IN ('gone', 'failing', 'owner')", name="reason_is_known"
        ),
        CheckConstraint("(disabled_at IS NULL) = (disabled_because IS NULL)", name="disabled_has_a_reason"),
        CheckConstraint(
            "(sealed_previous_secret IS NULL) = (previous_secret_until IS NULL)", name="previous_secret_ends"
        ),
        CheckConstraint("failures >= 0", name="failures_are_counted"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    client_id: Mapped[UUID | None] = mapped_column(ForeignKey("oauth_clients.id"), index=True)
    url: Mapped[str]
    description: Mapped[str]
    kinds: Mapped[list[str]]
    # Encrypted with this installation's secret key, since each message needs them.
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_secret_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    disabled_because: Mapped[str | None]
    # How many attempts failed since the last message that was acknowledged, and since when.
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    failing_since: Mapped[datetime | None]


class WebhookDelivery(Base, Leased):
    """One message to one endpoint. Its id is the same in every attempt, so that a receiver recognises repetitions."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="state_is_known"),
        CheckConstraint("(state = 'waiting') = (due_at IS NOT NULL)", name="waiting_is_due"),
        UniqueConstraint("endpoint_id", "event_id"),
        Index("ix_webhook_deliveries_due", "endpoint_id", "due_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_webhook_deliveries_leased", "endpoint_id", postgresql_where=text("lease_until IS NOT NULL")),
        Index("ix_webhook_deliveries_endpoint_id_occurred_at", "endpoint_id", "occurred_at"),
        Index("ix_webhook_deliveries_endpoint_id_id", "endpoint_id", "id"),
        Index("ix_webhook_deliveries_failed", "endpoint_id", "id", postgresql_where=text("state = 'failed'")),
        Index("ix_webhook_deliveries_created_at", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[str]
    event_type: Mapped[str]
    # The event in the form of services/events/shape.py.
    event: Mapped[dict[str, Any]]
    # The user whose event it is, for an app's endpoint; None for endpoints of people and of the house.
    for_user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    occurred_at: Mapped[datetime]
    created_at: Mapped[datetime]
    state: Mapped[str]
    # When the present series of attempts began; a redelivery on request begins a new one.
    first_due_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    error: Mapped[str | None]


class WebhookAttempt(Base):
    """The result of one attempt."""

    __tablename__ = "webhook_attempts"

    delivery_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    status: Mapped[int | None]
    error: Mapped[str | None]
    excerpt: Mapped[str]
    duration_ms: Mapped[int]

"""The outbox of promised tasks, and heartbeats of the queues."""

from datetime import datetime
from typing import Any

from sqlalchemy import Identity
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class OutboxMessage(Base):
    """A task promised by a transaction; the row exists until the relay has published it to the broker."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    task: Mapped[str]
    arguments: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")


class Heartbeat(Base):
    """When a task of a queue last ran: the only proof that the queue is consumed."""

    __tablename__ = "heartbeats"

    queue: Mapped[str] = mapped_column(primary_key=True)
    ran_at: Mapped[datetime]
    worker: Mapped[str]

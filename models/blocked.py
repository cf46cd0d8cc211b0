"""People whom a user has blocked."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class BlockedPerson(Base):
    """A block of one user by another: no message and no call goes through."""

    __tablename__ = "blocked_people"
    __table_args__ = (
        CheckConstraint("user_id <> blocked_id", name="nobody_blocks_themselves"),
        Index("ix_blocked_people_blocked_id", "blocked_id"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    blocked_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    blocked_at: Mapped[datetime]

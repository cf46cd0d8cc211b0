"""Snapshots of what we hold on each rail beside what the ledger says; append-only by trigger."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class BufferSnapshot(Base):
    """One comparison: an unreadable wallet is unknown, not empty."""

    __tablename__ = "buffer_snapshots"
    __table_args__ = (
        CheckConstraint("verdict IN ('ok', 'mismatch', 'unknown')", name="verdict_is_known"),
        CheckConstraint("(verdict = 'unknown') = (difference_minor IS NULL)", name="unknown_has_no_difference"),
        Index("ix_buffer_snapshots_asset_id_at", "asset_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    chain: Mapped[str]
    at: Mapped[datetime]
    verdict: Mapped[str]
    reason: Mapped[str | None]
    height: Mapped[int | None]
    holding_minor: Mapped[int | None] = mapped_column(MinorUnits)
    ledger_minor: Mapped[int] = mapped_column(MinorUnits)
    difference_minor: Mapped[int | None] = mapped_column(MinorUnits)
    # Each amount that stands between the two, as [label, decimal string of the smallest unit].
    lines: Mapped[list[Any]] = mapped_column(JSONB)

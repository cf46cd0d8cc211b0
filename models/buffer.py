"""What we hold on each rail beside what the ledger says, what is too little, and the days in figures."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class BufferSnapshot(Base):
    """One comparison: an unreadable wallet is unknown, not empty. Append-only by trigger."""

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
    # What the hot wallet can pay out now; the rest of the holding is on its way into it.
    spendable_minor: Mapped[int | None] = mapped_column(MinorUnits)
    # What the holding is made of, in the same shape as `lines`.
    parts: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))


class BufferMarks(Base):
    """What is too little of one asset, what is enough again, and which difference is worth waking somebody for."""

    __tablename__ = "buffer_marks"
    __table_args__ = (
        CheckConstraint("low_minor >= 0 AND high_minor >= low_minor", name="marks_in_order"),
        CheckConstraint("discrepancy_minor >= 0", name="discrepancy_not_negative"),
        CheckConstraint("mismatches_min > 0", name="mismatches_are_needed"),
    )

    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), primary_key=True)
    low_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    high_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    # A difference up to this much counts as none.
    discrepancy_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    # A comparison may fall between two moments of a payment; only a difference that persists so often is one.
    mismatches_min: Mapped[int] = mapped_column(SmallInteger, default=3)


class BufferReport(Base):
    """One day (UTC) of one asset: how it ended, and what the comparisons of the day said."""

    __tablename__ = "buffer_reports"

    day: Mapped[date] = mapped_column(primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), primary_key=True)
    ok_count: Mapped[int]
    mismatch_count: Mapped[int]
    unknown_count: Mapped[int]
    holding_minor: Mapped[int | None] = mapped_column(MinorUnits)
    ledger_minor: Mapped[int] = mapped_column(MinorUnits)
    difference_minor: Mapped[int | None] = mapped_column(MinorUnits)
    spendable_least_minor: Mapped[int | None] = mapped_column(MinorUnits)
    spendable_most_minor: Mapped[int | None] = mapped_column(MinorUnits)
    credited_minor: Mapped[int] = mapped_column(MinorUnits)
    paid_out_minor: Mapped[int] = mapped_column(MinorUnits)

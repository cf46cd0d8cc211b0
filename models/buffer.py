"""Holdings on each rail compared with the ledger, the marks of low buffers, and daily reports."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class BufferSnapshot(Base):
    """One comparison of a wallet with the ledger; an unreadable wallet is unknown, not empty. Append-only."""

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
    # What the hot wallet can pay out now; the rest of the holding is still to be swept or to confirm.
    spendable_minor: Mapped[int | None] = mapped_column(MinorUnits)
    # The parts of the holding, in the same shape as `lines`.
    parts: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=text("'[]'::jsonb"))


class BufferMarks(Base):
    """An asset's marks: when its buffer is low, when it is full again, and which difference raises an alert."""

    __tablename__ = "buffer_marks"
    __table_args__ = (
        CheckConstraint("low_minor >= 0 AND high_minor >= low_minor", name="marks_in_order"),
        CheckConstraint("discrepancy_minor >= 0", name="discrepancy_not_negative"),
        CheckConstraint("mismatches_min > 0", name="mismatches_are_needed"),
    )

    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), primary_key=True)
    low_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    high_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    # The largest difference that is ignored.
    discrepancy_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    # How many comparisons in a row must differ: one may fall into the middle of a payment.
    mismatches_min: Mapped[int] = mapped_column(SmallInteger, default=3)


class BufferReport(Base):
    """One day (UTC) of one asset: its closing amounts, and the results of its comparisons."""

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

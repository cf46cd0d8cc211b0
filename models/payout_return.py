"""Payments that a provider had completed and later reports as returned."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class PayoutReturn(Base):
    """A provider's report that a completed payment came back, and whether it is booked, which happens once."""

    __tablename__ = "payout_returns"
    __table_args__ = (
        CheckConstraint("num_nulls(booked_at, booked_by) IN (0, 2)", name="booking_is_whole"),
        CheckConstraint("booked_at IS NULL OR retracted_at IS NULL", name="booked_on_a_standing_word"),
    )

    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"), primary_key=True)
    told_at: Mapped[datetime]
    reason: Mapped[str]
    # The fee that the provider keeps nevertheless, in the asset of its fees, where it says so.
    fee_minor: Mapped[int | None] = mapped_column(MinorUnits)
    # When it withdrew the report, before anything was booked.
    retracted_at: Mapped[datetime | None]
    booked_at: Mapped[datetime | None]
    booked_by: Mapped[str | None]

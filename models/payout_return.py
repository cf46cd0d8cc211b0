"""Payments that a provider had made and says came back."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class PayoutReturn(Base):
    """What a provider says of a payment that was completed, and whether the books say so too: once, for ever."""

    __tablename__ = "payout_returns"
    __table_args__ = (
        CheckConstraint("num_nulls(booked_at, booked_by) IN (0, 2)", name="booking_is_whole"),
        CheckConstraint("booked_at IS NULL OR retracted_at IS NULL", name="booked_on_a_standing_word"),
    )

    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"), primary_key=True)
    told_at: Mapped[datetime]
    reason: Mapped[str]
    # What the provider keeps for it all the same, in the asset of its fees, where it says so.
    fee_minor: Mapped[int | None] = mapped_column(MinorUnits)
    # When it took its word back, before anything was booked.
    retracted_at: Mapped[datetime | None]
    booked_at: Mapped[datetime | None]
    booked_by: Mapped[str | None]

"""Payments that failed, whose funds were released, and that their provider reports as made."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class PayoutMadeAfterAll(Base):
    """The provider's report on a payment that had failed, and who bears the loss."""

    __tablename__ = "payouts_made_after_all"
    __table_args__ = (
        CheckConstraint("said IN ('pending', 'completed', 'failed')", name="word_is_known"),
        CheckConstraint("settled_how IN ('lost', 'recovered')", name="settlement_is_known"),
        CheckConstraint("num_nulls(settled_how, settled_at, settled_by) IN (0, 3)", name="settlement_is_whole"),
        CheckConstraint("(settled_how IS NOT DISTINCT FROM 'lost') = (loss_id IS NOT NULL)", name="lost_as_a_loss"),
    )

    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"), primary_key=True)
    told_at: Mapped[datetime]
    # The provider's newest report: being made, made, or failed after all.
    said: Mapped[str]
    said_at: Mapped[datetime]
    # The provider's fee for it, in the asset of its fees, if reported.
    fee_minor: Mapped[int | None] = mapped_column(MinorUnits)
    # Charged to the owner, or carried by suspense until two operators book it as lost.
    settled_how: Mapped[str | None]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None]
    loss_id: Mapped[UUID | None] = mapped_column(ForeignKey("losses.id"), index=True)
    # How often it was settled: part of the idempotency key of the latest settlement.
    settlements: Mapped[int] = mapped_column(default=0, server_default="0")

"""What suspense carries for good, and who said so."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class Loss(Base):
    """One amount in suspense that is a loss of the house, or makes up for one that was booked already."""

    __tablename__ = "losses"
    __table_args__ = (
        CheckConstraint("state IN ('carried', 'proposed', 'booked', 'refused', 'returned')", name="state_is_known"),
        CheckConstraint("amount_minor > 0", name="amount_is_positive"),
        CheckConstraint("num_nulls(proposed_at, proposed_by) IN (0, 2)", name="proposal_is_whole"),
        CheckConstraint("num_nulls(decided_at, decided_by) IN (0, 2)", name="decision_is_whole"),
        CheckConstraint(
            "state <> 'booked' OR num_nonnulls(proposed_by, decided_by, transaction_id) = 3", name="booked_by_two"
        ),
        CheckConstraint("state <> 'booked' OR decided_by <> proposed_by", name="booked_by_another"),
        CheckConstraint("state <> 'carried' OR txid IS NOT NULL", name="carried_payments_only"),
        Index("ix_losses_open", "asset_id", postgresql_where=text("state IN ('carried', 'proposed')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), index=True)
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    # Suspense has too much rather than too little: what was booked as lost came after all.
    is_gain: Mapped[bool] = mapped_column(default=False, server_default="false")
    # The payment that nothing explains; without one it is part of what suspense carries altogether.
    txid: Mapped[str | None]
    state: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime]
    proposed_at: Mapped[datetime | None]
    proposed_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    flow_id: Mapped[UUID] = mapped_column(ForeignKey("flows.group_id"), index=True)

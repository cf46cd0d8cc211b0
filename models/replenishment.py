"""Orders to replenish a low buffer, and the deposits that arrived for them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class Replenishment(Base):
    """One order; an asset has at most one open order."""

    __tablename__ = "replenishments"
    __table_args__ = (
        CheckConstraint(
            "state IN ('proposed', 'approved', 'completed', 'undone', 'cancelled', 'expired')", name="state_is_known"
        ),
        CheckConstraint("amount_minor > 0", name="amount_is_positive"),
        CheckConstraint("num_nulls(approved_at, approved_by, address_id) IN (0, 3)", name="approval_is_whole"),
        CheckConstraint(
            "state NOT IN ('approved', 'completed', 'undone') OR approved_at IS NOT NULL", name="funded_once_approved"
        ),
        CheckConstraint("state <> 'completed' OR received_minor >= amount_minor", name="completed_by_money"),
        Index(
            "uq_replenishments_one_open",
            "asset_id",
            unique=True,
            postgresql_where=text("state IN ('proposed', 'approved')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), index=True)
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    received_minor: Mapped[int] = mapped_column(MinorUnits, default=0)
    state: Mapped[str]
    reason: Mapped[str]
    proposed_at: Mapped[datetime]
    proposed_by: Mapped[str]
    approved_at: Mapped[datetime | None]
    approved_by: Mapped[str | None]
    address_id: Mapped[UUID | None] = mapped_column(ForeignKey("deposit_addresses.id"), index=True)
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_because: Mapped[str | None]
    flow_id: Mapped[UUID] = mapped_column(ForeignKey("flows.group_id"), index=True)


class ReplenishmentArrival(Base):
    """A deposit to the house, booked as equity, and the order that it is for; None when no order was open."""

    __tablename__ = "replenishment_arrivals"

    deposit_id: Mapped[UUID] = mapped_column(ForeignKey("deposits.id"), primary_key=True)
    replenishment_id: Mapped[UUID | None] = mapped_column(ForeignKey("replenishments.id"), index=True)

"""Sweeps: transfers from deposit addresses to the hot wallet."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased, MinorUnits


class Sweep(Leased, Base):
    """One move of one asset from one deposit address; its payments are the payouts that name it.

    An address has at most one open sweep: two would rely on the same coin for gas.
    """

    __tablename__ = "sweeps"
    __table_args__ = (
        CheckConstraint(
            "state IN ('proposed', 'topping_up', 'signed', 'broadcast', 'confirming', 'uncertain', 'completed', "
            "'failed')",
            name="state_is_known",
        ),
        CheckConstraint("amount_minor > 0", name="amount_is_positive"),
        CheckConstraint("(closed_at IS NULL) = (state NOT IN ('completed', 'failed'))", name="closed_at_rest"),
        Index(
            "uq_sweeps_one_open_for_each_address",
            "address_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_sweeps_due", "chain", "due_at", postgresql_where=text("state IN ('proposed', 'topping_up')")),
        Index("ix_sweeps_address_id_id", "address_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    chain: Mapped[str]
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    address_id: Mapped[UUID] = mapped_column(ForeignKey("deposit_addresses.id"))
    # The sum of its deposits; a sweep of the coin moves less by the fee.
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    state: Mapped[str]
    waiting_reason: Mapped[str | None]
    # The coin that is left on the address after it, by our record of payments to and from it.
    left_minor: Mapped[int | None] = mapped_column(MinorUnits)
    created_at: Mapped[datetime]
    state_changed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    flow_id: Mapped[UUID] = mapped_column(ForeignKey("flows.group_id"), index=True)


class SweptAddress(Base):
    """What the newest completed sweep of an address left there, maintained by a trigger of `sweeps`."""

    __tablename__ = "swept_addresses"

    address_id: Mapped[UUID] = mapped_column(ForeignKey("deposit_addresses.id"), primary_key=True)
    chain: Mapped[str]
    left_minor: Mapped[int] = mapped_column(MinorUnits)


class SweptChain(Base):
    """What was left on all swept addresses of a chain together, maintained by the same trigger."""

    __tablename__ = "swept_chains"

    chain: Mapped[str] = mapped_column(primary_key=True)
    left_minor: Mapped[int] = mapped_column(MinorUnits)

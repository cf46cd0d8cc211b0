"""Quarantined deposits: why, since when, and what an operator decided."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class DepositQuarantine(Base):
    """Why a deposit is, or was, in quarantine. Until it is released, its amount can only be in suspense."""

    __tablename__ = "deposit_quarantines"
    __table_args__ = (
        CheckConstraint("decision IN ('release', 'return')", name="decision_is_known"),
        CheckConstraint(
            "num_nulls(decision, decision_reason, decided_at, decided_by) IN (0, 4)", name="decision_is_whole"
        ),
        CheckConstraint(
            "(return_withdrawal_id IS NOT NULL) = (decision IS NOT DISTINCT FROM 'return')",
            name="returned_by_a_withdrawal",
        ),
        CheckConstraint("decision IS DISTINCT FROM 'release' OR held_transaction_id IS NULL", name="released_is_free"),
    )

    deposit_id: Mapped[UUID] = mapped_column(ForeignKey("deposits.id"), primary_key=True)
    # What found it, as a stable code: `operator`, or the name of a list.
    cause: Mapped[str]
    reason: Mapped[str]
    set_aside_at: Mapped[datetime]
    set_aside_by: Mapped[str]
    # The ledger transaction that booked it to suspense, once the deposit had its confirmations.
    held_transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    times_held: Mapped[int] = mapped_column(default=0)
    decision: Mapped[str | None]
    decision_reason: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    return_withdrawal_id: Mapped[UUID | None] = mapped_column(ForeignKey("withdrawals.id"), unique=True)

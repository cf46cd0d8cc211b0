"""What operators say became of payments that their provider knows nothing of."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class PayoutAssertion(Base):
    """The newest thing that was said of a payment, who agreed, and whether its provider bears it out."""

    __tablename__ = "payout_assertions"
    __table_args__ = (
        CheckConstraint("num_nulls(agreed_by, agreed_at) IN (0, 2)", name="agreement_is_whole"),
        CheckConstraint("agreed_by <> said_by", name="agreed_by_another"),
        CheckConstraint("num_nulls(answered_at, is_upheld) IN (0, 2)", name="answer_is_whole"),
        CheckConstraint(
            "is_upheld IS NOT TRUE OR provider_id IS NOT NULL OR agreed_at IS NOT NULL", name="two_say_never_made"
        ),
    )

    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"), primary_key=True)
    # The provider's payment that it is said to be; without one, it is said that it was never made.
    provider_id: Mapped[str | None]
    said_by: Mapped[str]
    # None where it was said at the command line.
    said_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    said_at: Mapped[datetime]
    agreed_by: Mapped[str | None]
    agreed_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    is_upheld: Mapped[bool | None]
    # What speaks against it.
    answer: Mapped[str | None]

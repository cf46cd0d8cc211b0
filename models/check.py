"""How far those have come who look through the books."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class LedgerReader(Base):
    """One who follows what is posted: with every transfer up to this one it is done."""

    __tablename__ = "ledger_readers"

    name: Mapped[str] = mapped_column(primary_key=True)
    transfer_id: Mapped[int] = mapped_column(BigInteger)
    moved_at: Mapped[datetime]


class CheckRound(Base):
    """One walk through all that there is, a slice at a time: where it stands, or when the last one ended."""

    __tablename__ = "check_rounds"
    __table_args__ = (
        CheckConstraint("after IS NULL OR part IS NOT NULL", name="place_is_in_a_part"),
        CheckConstraint("finding_count >= 0", name="findings_count_up"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    # The table that is being walked, and the key of the last row that was looked at; None between two rounds.
    part: Mapped[str | None]
    after: Mapped[str | None]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # What was found while the round has been under way, by it or by a minute's check; or while the last one was.
    finding_count: Mapped[int]

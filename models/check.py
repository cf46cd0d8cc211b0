"""Progress of the checks of the books."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class LedgerReader(Base):
    """A follower of the ledger, and the last transfer that it has processed."""

    __tablename__ = "ledger_readers"

    name: Mapped[str] = mapped_column(primary_key=True)
    transfer_id: Mapped[int] = mapped_column(BigInteger)
    moved_at: Mapped[datetime]


class CheckRound(Base):
    """A walk through whole tables, a slice at a time: its position, or when the last one ended."""

    __tablename__ = "check_rounds"
    __table_args__ = (
        CheckConstraint("after IS NULL OR part IS NOT NULL", name="place_is_in_a_part"),
        CheckConstraint("finding_count >= 0", name="findings_count_up"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    # The table being walked, and the key of the last row that was checked; None between two rounds.
    part: Mapped[str | None]
    after: Mapped[str | None]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # What this round, or a minute's check meanwhile, found; between rounds, what the last one found.
    finding_count: Mapped[int]

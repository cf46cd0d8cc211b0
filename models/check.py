"""How far the checks of the books have come."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class LedgerReader(Base):
    """A reader of what is posted: it is done with every transfer up to this one."""

    __tablename__ = "ledger_readers"

    name: Mapped[str] = mapped_column(primary_key=True)
    transfer_id: Mapped[int] = mapped_column(BigInteger)
    moved_at: Mapped[datetime]


class CheckRound(Base):
    """A round through everything, a slice at a time: where it stands, or when the last one ended."""

    __tablename__ = "check_rounds"
    __table_args__ = (
        CheckConstraint("after IS NULL OR part IS NOT NULL", name="place_is_in_a_part"),
        CheckConstraint("finding_count >= 0", name="findings_count_up"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    # The table being checked, and the key of the last row checked; None between two rounds.
    part: Mapped[str | None]
    after: Mapped[str | None]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    # How many findings there were during the round, its own or those of a minute's check; or during the last one.
    finding_count: Mapped[int]

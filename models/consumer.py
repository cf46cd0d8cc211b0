"""Who reads the log of events, and how far each has come."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased

WRITTEN_BY = "log_xid()"
"""The transaction that a row is written by: what orders rows by their commit (see services/event_log.py)."""


class Consumer(Base, Leased):
    """One reader of the log: everything up to its position, and nothing after, is done with."""

    __tablename__ = "consumers"

    name: Mapped[str] = mapped_column(primary_key=True)
    # The place of the last event that was done with: its transaction, the rank of its source, its number there.
    xid: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[int]
    seq: Mapped[int]
    moved_at: Mapped[datetime]

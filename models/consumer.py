"""Consumers of the event log, and how far each has come."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased

WRITTEN_BY = "log_xid()"
"""The id of the transaction that writes a row, by which rows are read in commit order (see services/event_log.py)."""


class Consumer(Base, Leased):
    """A consumer of the log, which has processed everything up to its position and nothing after."""

    __tablename__ = "consumers"

    name: Mapped[str] = mapped_column(primary_key=True)
    # The place of the last event processed: its transaction, the rank of its source, its number there.
    xid: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[int]
    seq: Mapped[int]
    moved_at: Mapped[datetime]

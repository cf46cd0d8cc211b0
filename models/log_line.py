"""Log lines that are kept where the page of a flow finds them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class KeptLogLine(Base):
    """A warning or an error, said while working for the request or task of this correlation id."""

    __tablename__ = "kept_log_lines"
    __table_args__ = (Index("ix_kept_log_lines_correlation_id", "correlation_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    correlation_id: Mapped[str]
    level: Mapped[str]
    logger: Mapped[str]
    line: Mapped[str]
    said: Mapped[dict[str, Any]]

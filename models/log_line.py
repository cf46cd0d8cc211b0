"""Log lines kept for the page of a flow."""

from datetime import datetime
from typing import Any

from sqlalchemy import Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class KeptLogLine(Base):
    """A warning or error, logged under the correlation id of a request or task."""

    __tablename__ = "kept_log_lines"
    __table_args__ = (Index("ix_kept_log_lines_correlation_id", "correlation_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    at: Mapped[datetime]
    correlation_id: Mapped[str]
    level: Mapped[str]
    logger: Mapped[str]
    line: Mapped[str]
    said: Mapped[dict[str, Any]]

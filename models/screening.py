"""Screening: the list of addresses, each rail's policy, and the result for each deposit."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class ListedAddress(Base):
    """An address whose payments are quarantined, in the rail's canonical spelling."""

    __tablename__ = "listed_addresses"
    # The order of its pages, across all rails.
    __table_args__ = (Index("ix_listed_addresses_address_chain", "address", "chain"),)

    chain: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    added_at: Mapped[datetime]
    added_by: Mapped[str]


class ScreeningPolicy(Base):
    """The screening that deposits of one rail must pass before they are credited; without a row, none."""

    __tablename__ = "screening_policies"
    __table_args__ = (CheckConstraint("mode IN ('off', 'list', 'hook')", name="mode_is_known"),)

    chain: Mapped[str] = mapped_column(primary_key=True)
    mode: Mapped[str]


class DepositScreening(Base):
    """The result for one deposit. While it is open, because a service did not answer, the deposit is not credited."""

    __tablename__ = "deposit_screenings"
    __table_args__ = (
        CheckConstraint("verdict IN ('clear', 'hit', 'waiting')", name="verdict_is_known"),
        CheckConstraint("mode IN ('list', 'hook')", name="mode_is_known"),
        CheckConstraint("(verdict = 'waiting') = (due_at IS NOT NULL)", name="waiting_is_due"),
        Index("ix_deposit_screenings_waiting", "due_at", postgresql_where=text("verdict = 'waiting'")),
    )

    deposit_id: Mapped[UUID] = mapped_column(ForeignKey("deposits.id"), primary_key=True)
    verdict: Mapped[str]
    mode: Mapped[str]
    senders: Mapped[list[Any]] = mapped_column(JSONB)
    reason: Mapped[str | None]
    checked_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)

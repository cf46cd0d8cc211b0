"""Whose money is not taken in: a list of addresses, how each rail is screened, and what was found of each deposit."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class ListedAddress(Base):
    """An address whose payments are set aside, in the rail's canonical spelling."""

    __tablename__ = "listed_addresses"
    # Of all rails in one order, as it is paged through.
    __table_args__ = (Index("ix_listed_addresses_address_chain", "address", "chain"),)

    chain: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    added_at: Mapped[datetime]
    added_by: Mapped[str]


class ScreeningPolicy(Base):
    """What a deposit of one rail must have passed before it is credited; without a row, nothing."""

    __tablename__ = "screening_policies"
    __table_args__ = (CheckConstraint("mode IN ('off', 'list', 'hook')", name="mode_is_known"),)

    chain: Mapped[str] = mapped_column(primary_key=True)
    mode: Mapped[str]


class DepositScreening(Base):
    """What was found of one deposit. While it waits, because somebody did not answer, nothing is credited."""

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

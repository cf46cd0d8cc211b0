"""Withdrawals, the operators' decisions about them, and allowed destinations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased, MinorUnits

STATES = (
    "'requested', 'pending_approval', 'approved', 'signed', 'broadcast', 'confirming', 'completed', "
    "'rejected', 'cancelled', 'failed', 'uncertain'"
)
UNPAID = "'rejected', 'cancelled', 'failed'"


class Withdrawal(Leased, Base):
    """A request to send one amount to one destination; its funds are held from the beginning."""

    __tablename__ = "withdrawals"
    __table_args__ = (
        CheckConstraint("amount_minor > 0 AND fee_minor >= 0", name="amounts_in_range"),
        CheckConstraint(f"state IN ({STATES})", name="state_is_known"),
        CheckConstraint(
            "state NOT IN ('signed', 'broadcast', 'confirming', 'completed') OR payout_id IS NOT NULL",
            name="sent_only_by_a_stored_payout",
        ),
        CheckConstraint("char_length(beneficiary_name) BETWEEN 2 AND 80", name="beneficiary_name_in_range"),
        Index("ix_withdrawals_user_id_id", "user_id", "id"),
        Index("ix_withdrawals_destination_flow_id", "destination", "flow_id"),
        Index("ix_withdrawals_user_id_requested_at", "user_id", "asset_id", "requested_at"),
        Index("ix_withdrawals_due", "asset_id", "due_at", postgresql_where=text("state = 'approved'")),
        # Few end unpaid; an index of their own finds them without reading all that were paid.
        Index("ix_withdrawals_unpaid", "state", "id", postgresql_where=text(f"state IN ({UNPAID})")),
        Index(
            "ix_withdrawals_open",
            "state",
            "requested_at",
            postgresql_where=text("state NOT IN ('completed', 'rejected', 'cancelled', 'failed')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    chain: Mapped[str]
    destination: Mapped[str]
    # The beneficiary, where a provider demands one: shown in full only to its owner and to approvers.
    beneficiary_name: Mapped[str | None]
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    fee_minor: Mapped[int] = mapped_column(MinorUnits)
    state: Mapped[str]
    approvals_needed: Mapped[int]
    # Why an approved withdrawal was not sent yet, as an error code: shown to its owner and to operators.
    waiting_reason: Mapped[str | None]
    amount_hold_id: Mapped[int] = mapped_column(BigInteger)
    fee_hold_id: Mapped[int | None] = mapped_column(BigInteger)
    payout_id: Mapped[UUID | None] = mapped_column(ForeignKey("payouts.id"), index=True)
    requested_at: Mapped[datetime]
    # Whether it counts in WithdrawalDay: one requested while there was no limit must not be subtracted.
    is_counted: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    state_changed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    flow_id: Mapped[UUID] = mapped_column(ForeignKey("flows.group_id"), index=True)


class WithdrawalApproval(Base):
    """One operator's decision about one withdrawal; append-only by trigger."""

    __tablename__ = "withdrawal_approvals"
    __table_args__ = (CheckConstraint("decision IN ('approve', 'reject')", name="decision_is_known"),)

    withdrawal_id: Mapped[UUID] = mapped_column(ForeignKey("withdrawals.id"), primary_key=True)
    approver_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    decision: Mapped[str]
    reason: Mapped[str | None]
    decided_at: Mapped[datetime]


class AllowedDestination(Base):
    """A destination on a user's allow-list, usable after its cool-down."""

    __tablename__ = "allowed_destinations"
    __table_args__ = (UniqueConstraint("user_id", "asset_id", "destination"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    destination: Mapped[str]
    added_at: Mapped[datetime]


class WithdrawalDay(Base):
    """The amount requested on one UTC day by all users, for assets with a system-wide daily limit.

    A day has several rows, each with a share of the limit: see withdrawal_day_count().
    """

    __tablename__ = "withdrawal_days"
    __table_args__ = (CheckConstraint("requested_minor <= limit_minor", name="within_limit"),)

    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="0")
    requested_minor: Mapped[int] = mapped_column(MinorUnits)
    # This row's share of the limit, and the limit that was shared; older days have neither.
    limit_minor: Mapped[int | None] = mapped_column(MinorUnits)
    house_limit_minor: Mapped[int | None] = mapped_column(MinorUnits)

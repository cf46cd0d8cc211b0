"""The ledger's tables, for reading; posting does not go through these classes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class LedgerAccount(Base):
    """An account in one asset: totals in its normal direction, optionally with a floor and split into shards."""

    __tablename__ = "ledger_accounts"
    __table_args__ = (
        UniqueConstraint("owner_id", "code", "asset_id", "shard", postgresql_nulls_not_distinct=True),
        UniqueConstraint("id", "asset_id"),
        CheckConstraint("posted - held >= floor", name="available_at_or_above_floor"),
        CheckConstraint("held >= 0", name="held_not_negative"),
        Index(None, "shard_of", postgresql_where=text("shard_of IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), index=True)
    kind: Mapped[str]
    code: Mapped[str]
    owner_id: Mapped[UUID | None]
    posted: Mapped[int] = mapped_column(MinorUnits, server_default="0")
    held: Mapped[int] = mapped_column(MinorUnits, server_default="0")
    version: Mapped[int] = mapped_column(server_default="0")
    floor: Mapped[int | None] = mapped_column(MinorUnits)
    shards: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    shard_of: Mapped[int | None] = mapped_column(ForeignKey("ledger_accounts.id"))
    shard: Mapped[int] = mapped_column(Integer, server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class LedgerTransaction(Base):
    """One decision, posted or refused, under an idempotency key."""

    __tablename__ = "ledger_transactions"
    __table_args__ = (
        UniqueConstraint("idempotency_key"),
        CheckConstraint("outcome IN ('posted', 'refused')", name="outcome_is_known"),
        CheckConstraint("(outcome = 'refused') = (refusal IS NOT NULL)", name="refused_says_why"),
        CheckConstraint("reverses_id <> id", name="does_not_reverse_itself"),
        Index(
            "uq_ledger_transactions_reverses_id",
            "reverses_id",
            unique=True,
            postgresql_where=text("reverses_id IS NOT NULL AND outcome = 'posted'"),
        ),
        Index(None, "flow_id", postgresql_where=text("flow_id IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    kind: Mapped[str]
    flow_id: Mapped[UUID | None]
    idempotency_key: Mapped[str]
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    outcome: Mapped[str]
    refusal: Mapped[str | None]
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_transactions.id"))
    effective_at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class LedgerTransfer(Base):
    """One immutable movement with both sides' totals after it; a side left alone has no version."""

    __tablename__ = "ledger_transfers"
    __table_args__ = (
        ForeignKeyConstraint(["debit_account_id", "asset_id"], ["ledger_accounts.id", "ledger_accounts.asset_id"]),
        ForeignKeyConstraint(["credit_account_id", "asset_id"], ["ledger_accounts.id", "ledger_accounts.asset_id"]),
        UniqueConstraint("debit_account_id", "debit_version"),
        UniqueConstraint("credit_account_id", "credit_version"),
        CheckConstraint("amount > 0 AND amount < 'NaN'", name="amount_positive"),
        CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
        CheckConstraint("phase IN ('posted', 'pending', 'post', 'void')", name="phase_is_known"),
        CheckConstraint("(phase IN ('post', 'void')) = (resolves_id IS NOT NULL)", name="resolution_names_its_hold"),
        CheckConstraint("expires_at IS NULL OR phase = 'pending'", name="only_holds_expire"),
        CheckConstraint(
            "phase IN ('pending', 'void') OR (debit_version IS NOT NULL AND credit_version IS NOT NULL)",
            name="movement_has_both_versions",
        ),
        CheckConstraint("debit_version IS NOT NULL OR credit_version IS NOT NULL", name="hold_reserves_somewhere"),
        CheckConstraint(
            "(debit_version IS NULL) = (debit_balance IS NULL) AND (debit_version IS NULL) = (debit_held IS NULL)"
            " AND (credit_version IS NULL) = (credit_balance IS NULL)"
            " AND (credit_version IS NULL) = (credit_held IS NULL)",
            name="side_is_whole",
        ),
        Index(
            "uq_ledger_transfers_resolves_id",
            "resolves_id",
            unique=True,
            postgresql_where=text("resolves_id IS NOT NULL"),
        ),
        Index(None, "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(index=True)
    debit_account_id: Mapped[int]
    credit_account_id: Mapped[int]
    debit_version: Mapped[int | None]
    credit_version: Mapped[int | None]
    resolves_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_transfers.id"))
    recorded_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    amount: Mapped[int] = mapped_column(MinorUnits)
    debit_balance: Mapped[int | None] = mapped_column(MinorUnits)
    debit_held: Mapped[int | None] = mapped_column(MinorUnits)
    credit_balance: Mapped[int | None] = mapped_column(MinorUnits)
    credit_held: Mapped[int | None] = mapped_column(MinorUnits)
    phase: Mapped[str]
    asset_id: Mapped[str]


class LedgerSeal(Base):
    """A closed range of one ledger table, chained to the seal before it."""

    __tablename__ = "ledger_seals"
    __table_args__ = (
        UniqueConstraint("subject", "first_id"),
        UniqueConstraint("subject", "last_id"),
        CheckConstraint("subject IN ('accounts', 'transactions', 'transfers')", name="subject_is_known"),
        CheckConstraint("first_id <= last_id", name="range_runs_forward"),
        CheckConstraint("octet_length(leaves) = 16 * row_count", name="leaf_per_row"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    subject: Mapped[str]
    first_id: Mapped[int]
    last_id: Mapped[int]
    row_count: Mapped[int]
    leaves: Mapped[bytes] = mapped_column(LargeBinary)
    previous: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]


class LedgerHorizon(Base):
    """The last row of a table when the next seal was prepared, and the transaction that noted it."""

    __tablename__ = "ledger_horizons"

    subject: Mapped[str] = mapped_column(primary_key=True)
    last_id: Mapped[int]
    noted_by: Mapped[int]

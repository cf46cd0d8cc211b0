"""Watch-only wallets: descriptors, their derived addresses, and scans for coins."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased, MinorUnits

# Also in the migration. Matches an extended private key, and a private key as wallets export it (WIF).
_PRIVATE = (
    "(^|[^0-9A-Za-z])[A-Za-z]prv[1-9A-HJ-NP-Za-km-z]{50}|(^|[^0-9A-Za-z])[1-9A-HJ-NP-Za-km-z]{51,52}($|[^0-9A-Za-z])"
)


class WatchWallet(Leased, Base):
    """One descriptor of one user: checked and derived by a task, then scanned, with the balance last found."""

    __tablename__ = "watch_wallets"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'ready', 'refused')", name="state_is_known"),
        CheckConstraint("(state = 'refused') = (refusal IS NOT NULL)", name="refused_with_its_reason"),
        CheckConstraint("num_nulls(first_index, last_index) IN (0, 2)", name="range_is_whole"),
        CheckConstraint("first_index BETWEEN 0 AND last_index", name="range_is_ordered"),
        CheckConstraint(
            "num_nulls(balance_minor, balance_outputs, balance_height, balance_at) IN (0, 4)", name="balance_is_whole"
        ),
        CheckConstraint("balance_minor >= 0", name="balance_not_negative"),
        CheckConstraint(f"descriptor !~ '{_PRIVATE}'", name="holds_no_private_key"),
        Index("uq_watch_wallets_user_id_chain_digest", "user_id", "chain", "digest", unique=True),
        Index("ix_watch_wallets_pending", "chain", "due_at", postgresql_where=text("state = 'pending'")),
        Index(
            "ix_watch_wallets_scan",
            "chain",
            "scan_requested_at",
            postgresql_where=text("scan_requested_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    chain: Mapped[str]
    label: Mapped[str]
    # Canonical, with its checksum; `digest` is its SHA-256, because a descriptor may be too long for an index.
    descriptor: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    # The plain public keys in it, compressed and in hex.
    public_keys: Mapped[list[str]]
    # Prefixes of the derived keys that no script reveals; None until derived. Large.
    derived_keys: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    first_index: Mapped[int | None]
    last_index: Mapped[int | None]
    state: Mapped[str]
    refusal: Mapped[str | None]
    refusal_reason: Mapped[str | None]
    waiting_reason: Mapped[str | None]
    address_count: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    balance_minor: Mapped[int | None] = mapped_column(MinorUnits)
    balance_outputs: Mapped[int | None]
    balance_height: Mapped[int | None]
    balance_at: Mapped[datetime | None]
    scan_requested_at: Mapped[datetime | None]
    # The lease generation of the scan that includes this wallet; None while it waits for one.
    scan_pass: Mapped[int | None]

    def indexes(self) -> tuple[int, int] | None:
        """The first and last index to derive, both included; None for a descriptor of one address."""
        return None if self.first_index is None or self.last_index is None else (self.first_index, self.last_index)


class WatchAddress(Base):
    """One address of a watched wallet, in the order of derivation."""

    __tablename__ = "watch_addresses"
    __table_args__ = (Index("ix_watch_addresses_script", "script", postgresql_using="hash"),)

    wallet_id: Mapped[UUID] = mapped_column(ForeignKey("watch_wallets.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str]
    script: Mapped[bytes] = mapped_column(LargeBinary)


class WatchScanner(Leased, Base):
    """The lease on a chain's node, which can run one scan at a time."""

    __tablename__ = "watch_scanners"
    __table_args__ = (CheckConstraint("progress BETWEEN 0 AND 100", name="progress_is_a_percentage"),)

    chain: Mapped[str] = mapped_column(primary_key=True)
    # Set while a scan is under way; if the lease has expired, the scan was abandoned.
    started_at: Mapped[datetime | None]
    progress: Mapped[int | None]
    error: Mapped[str | None]
    error_at: Mapped[datetime | None]


class WatchChallenge(Base):
    """A text that a user may sign once to prove that a key is theirs; it signs nobody in."""

    __tablename__ = "watch_challenges"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    subject: Mapped[str]
    message: Mapped[str] = mapped_column(unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

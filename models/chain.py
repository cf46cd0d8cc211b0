"""How far each chain has been read, recent blocks that a reorganisation may undo, and deposit addresses."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased
from models.consumer import WRITTEN_BY


class ChainCursor(Leased, Base):
    """The last block of a chain that was recorded, by height and hash, and the health of its source."""

    __tablename__ = "chain_cursors"

    chain: Mapped[str] = mapped_column(primary_key=True)
    height: Mapped[int]
    hash: Mapped[str]
    tip_height: Mapped[int]
    # The height that is final, on chains with finality.
    final_height: Mapped[int | None]
    final_moved_at: Mapped[datetime | None]
    # The height up to which transfers were read a second time and compared with what is on record.
    backfilled_height: Mapped[int | None]
    polled_at: Mapped[datetime | None]
    advanced_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    error: Mapped[str | None]
    paused_at: Mapped[datetime | None]
    paused_by: Mapped[str | None]


class ChainBlock(Base):
    """A recent block of the followed branch, kept so that a fork can be undone without the node."""

    __tablename__ = "chain_blocks"

    chain: Mapped[str] = mapped_column(ForeignKey("chain_cursors.chain"), primary_key=True)
    height: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str]
    mined_at: Mapped[datetime]


class UnreadToken(Base):
    """A token that paid deposit addresses in a block but whose balances could not be read: the block is read again."""

    __tablename__ = "unread_tokens"

    chain: Mapped[str] = mapped_column(ForeignKey("chain_cursors.chain"), primary_key=True)
    block_hash: Mapped[str] = mapped_column(primary_key=True)
    contract: Mapped[str] = mapped_column(primary_key=True)
    block_height: Mapped[int]
    reason: Mapped[str]
    found_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")


class DepositAddress(Base):
    """A deposit address: in the pool until it is issued, then its user's, and watched for ever."""

    __tablename__ = "deposit_addresses"
    __table_args__ = (
        Index("uq_deposit_addresses_chain_script", "chain", "script", unique=True),
        # Every output of every block is looked up here: half the size of the unique index, and no descent.
        Index("ix_deposit_addresses_script", "script", postgresql_using="hash"),
        # For searching by address.
        Index("ix_deposit_addresses_address", "address", postgresql_using="hash"),
        Index(
            "ix_deposit_addresses_pool",
            "chain",
            "id",
            postgresql_where=text("user_id IS NULL AND retired_at IS NULL"),
        ),
        Index("ix_deposit_addresses_user_id_chain", "user_id", "chain", "issued_at"),
        Index("ix_deposit_addresses_user_id_issued_at", "user_id", "issued_at"),
        # For the newest issued addresses of a chain, of any user.
        Index("ix_deposit_addresses_issued", "chain", "issued_at", postgresql_where=text("user_id IS NOT NULL")),
        # For the greatest index, when the pool is refilled.
        Index(
            "ix_deposit_addresses_derived",
            "chain",
            "derivation_index",
            postgresql_where=text("derivation_index IS NOT NULL"),
        ),
        # For refreshing the filters in memory (see services/deposits/script_filter.py).
        Index("ix_deposit_addresses_chain_xid", "chain", "xid"),
        CheckConstraint("(user_id IS NULL) = (issued_at IS NULL)", name="issued_with_its_owner"),
        CheckConstraint("retired_at IS NULL OR user_id IS NULL", name="retired_is_nobodys"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    chain: Mapped[str]
    address: Mapped[str]
    script: Mapped[bytes] = mapped_column(LargeBinary)
    # Its index under the extended key; None for an address that the node made.
    derivation_index: Mapped[int | None]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    issued_at: Mapped[datetime | None]
    # Since when it is not issued any more: after a restore it may belong to somebody unknown.
    retired_at: Mapped[datetime | None]
    xid: Mapped[int] = mapped_column(server_default=text(WRITTEN_BY))

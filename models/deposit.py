"""Deposits: append-only observations of the chain, and the decision about each output."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits
from models.consumer import WRITTEN_BY


class FundingObservation(Base):
    """What the chain showed of an output at one time: evidence, not spendable money. Append-only by trigger."""

    __tablename__ = "funding_observations"
    __table_args__ = (
        CheckConstraint(
            "status IN ('mempool', 'confirming', 'confirmed', 'credited', 'replaced', 'reorged')",
            name="status_is_known",
        ),
        Index("ix_funding_observations_deposit_id", "deposit_id", "recorded_at"),
        Index("ix_funding_observations_xid_seq", "xid", "seq", unique=True),
    )

    funding_observation_id: Mapped[UUID] = mapped_column(primary_key=True)
    deposit_id: Mapped[UUID] = mapped_column(ForeignKey("deposits.id"))
    account_id: Mapped[UUID]
    asset_id: Mapped[str]
    chain: Mapped[str]
    funding_handle: Mapped[str] = mapped_column(index=True)
    source: Mapped[str]
    tx_hash: Mapped[str] = mapped_column(index=True)
    status: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
    confirmations: Mapped[int]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    credited_at: Mapped[datetime | None]
    bridge_deposit_tx_hash: Mapped[str | None]
    recorded_at: Mapped[datetime] = mapped_column(index=True)
    seq: Mapped[int] = mapped_column(Identity(always=True))
    xid: Mapped[int] = mapped_column(server_default=text(WRITTEN_BY))


class Deposit(Base):
    """One output to a deposit address, and the state of its flow."""

    __tablename__ = "deposits"
    __table_args__ = (
        UniqueConstraint("chain", "txid", "vout"),
        CheckConstraint("amount_minor > 0", name="amount_is_positive"),
        CheckConstraint(
            "state IN ('seen', 'confirming', 'credited', 'below_minimum', 'quarantined', 'returned', 'reorged', "
            "'replaced')",
            name="state_is_known",
        ),
        CheckConstraint("(block_height IS NULL) = (block_hash IS NULL)", name="block_is_whole"),
        CheckConstraint("(state = 'credited') <= (credit_transaction_id IS NOT NULL)", name="credited_by_the_ledger"),
        Index("ix_deposits_user_id_id", "user_id", "id"),
        Index("ix_deposits_address_id_flow_id", "address_id", "flow_id"),
        Index("ix_deposits_on_its_way", "user_id", postgresql_where=text("state IN ('seen', 'confirming')")),
        # Quarantined deposits, by user and by wallet. Not in one index with open deposits: the planner would use it for
        # those alone as well, and these only grow.
        Index("ix_deposits_set_back", "user_id", postgresql_where=text("state IN ('reorged', 'quarantined')")),
        Index(
            "ix_deposits_uncredited",
            "asset_id",
            postgresql_where=text("state IN ('below_minimum', 'quarantined', 'reorged')"),
        ),
        # Deposits that were not swept yet.
        Index(
            "ix_deposits_unswept",
            "chain",
            "address_id",
            postgresql_where=text("sweep_id IS NULL AND block_height IS NOT NULL"),
        ),
        Index("ix_deposits_open", "chain", "block_height", postgresql_where=text("state IN ('seen', 'confirming')")),
        Index("ix_deposits_chain_block_height", "chain", "block_height"),
        Index("ix_deposits_quarantined", "chain", "id", postgresql_where=text("is_quarantined")),
        CheckConstraint(
            "NOT is_quarantined OR state IN ('quarantined', 'returned', 'reorged', 'replaced')",
            name="quarantined_until_released",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    chain: Mapped[str]
    txid: Mapped[str]
    vout: Mapped[int]
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    address_id: Mapped[UUID] = mapped_column(ForeignKey("deposit_addresses.id"))
    address: Mapped[str]
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    state: Mapped[str]
    confirmations_needed: Mapped[int]
    block_height: Mapped[int | None]
    block_hash: Mapped[str | None]
    # The outputs that its transaction spends, as "txid:vout": another transaction that spends one replaces it.
    spends: Mapped[list[str]] = mapped_column(ARRAY(Text))
    replaced_by: Mapped[str | None]
    first_seen_at: Mapped[datetime]
    state_changed_at: Mapped[datetime]
    credited_at: Mapped[datetime | None]
    credit_transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    times_credited: Mapped[int] = mapped_column(default=0)
    # Set when the user's balance did not cover the reversal of a credit that the chain undid: suspense bears it.
    in_suspense: Mapped[bool] = mapped_column(default=False)
    # Quarantined: neither credited nor shown as pending until an operator releases it.
    is_quarantined: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # The sweep that moves it to the hot wallet.
    sweep_id: Mapped[UUID | None] = mapped_column(ForeignKey("sweeps.id"), index=True)
    flow_id: Mapped[UUID] = mapped_column(ForeignKey("flows.group_id"), index=True)

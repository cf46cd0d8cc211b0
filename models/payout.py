"""Chain payments as they leave: signed once, stored, then sent; one payout may serve many withdrawals."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased, MinorUnits


class Payout(Leased, Base):
    """One chain payment in all its signed forms, of which at most one can ever confirm: all spend the same inputs."""

    __tablename__ = "payouts"
    __table_args__ = (
        CheckConstraint(
            "state IN ('signed', 'broadcast', 'confirming', 'completed', 'failed', 'uncertain')",
            name="state_is_known",
        ),
        CheckConstraint("purpose IN ('withdrawal', 'sweep', 'gas_top_up')", name="purpose_is_known"),
        CheckConstraint(
            "void_because IN ('reverted', 'cancelled', 'refused', 'never_made')", name="void_reason_is_known"
        ),
        CheckConstraint("purpose <> 'withdrawal' OR sweep_id IS NULL", name="sweep_pays_nobody"),
        CheckConstraint("(block_height IS NULL) = (block_hash IS NULL)", name="block_is_whole"),
        CheckConstraint("(conflict_height IS NULL) = (conflicted_by IS NULL)", name="conflict_is_whole"),
        Index("ix_payouts_open", "chain", "due_at", postgresql_where=text("state NOT IN ('completed', 'failed')")),
        Index("ix_payouts_chain_block_height", "chain", "block_height"),
        # What the next block may hold.
        Index(
            "ix_payouts_awaited",
            "chain",
            postgresql_where=text("block_height IS NULL AND (state <> 'failed' OR conflict_height IS NULL)"),
        ),
        # What it may hold only if a fork takes back why it was given up.
        Index(
            "ix_payouts_given_up",
            "chain",
            "conflict_height",
            postgresql_where=text("state = 'failed' AND block_height IS NULL"),
        ),
        # One payment of a provider's settles one of ours.
        Index(
            "uq_payouts_chain_provider_id",
            "chain",
            "provider_id",
            unique=True,
            postgresql_where=text("provider_id IS NOT NULL"),
        ),
        # What a provider has paid, or said that it never will, and is to be asked about once more.
        Index(
            "ix_payouts_looked_at_again",
            "chain",
            "due_at",
            postgresql_where=text("state IN ('completed', 'failed') AND due_at IS NOT NULL"),
        ),
        # The sweeps that have not moved anything for good.
        Index(
            "ix_payouts_unsettled_sweeps",
            "sweep_id",
            postgresql_where=text("purpose = 'sweep' AND (state <> 'completed' OR block_height IS NULL)"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    chain: Mapped[str]
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    # What the network's fee is paid in: the chain's coin, whatever is sent.
    fee_asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    # Everything but a withdrawal moves money between accounts of the house.
    purpose: Mapped[str] = mapped_column(default="withdrawal", server_default="withdrawal")
    state: Mapped[str]
    # The form that confirmed, once one has.
    txid: Mapped[str | None]
    block_height: Mapped[int | None]
    block_hash: Mapped[str | None]
    # What it cost in the end, once that is known; before, the form's own fee is the most that it can be.
    fee_minor: Mapped[int | None] = mapped_column(MinorUnits)
    # What the ledger says that it cost, once that is booked: another block may make it another cost.
    fee_booked_minor: Mapped[int | None] = mapped_column(MinorUnits)
    # Why it pays nobody although it is in a block, or a provider's word is final, or two operators say that it never
    # was made and the provider shows nothing like it: the proof to fail it on.
    void_because: Mapped[str | None]
    # When a provider was first asked for it, as far as that may have come through: written before it is.
    asked_at: Mapped[datetime | None]
    # The provider's own name for it.
    provider_id: Mapped[str | None]
    reason: Mapped[str | None]
    # The operator who asked for a higher fee, until the dearer form is stored.
    bump_requested_by: Mapped[str | None]
    # The operator who asked for it to pay nobody, until the form that does so is stored.
    cancel_requested_by: Mapped[str | None]
    # What it is part of, unless it pays withdrawals.
    sweep_id: Mapped[UUID | None] = mapped_column(ForeignKey("sweeps.id"), index=True)
    # The transaction in a block that spends one of our inputs instead, and the height of that block: the proof that no
    # form can confirm, once that block is deep enough.
    conflicted_by: Mapped[str | None]
    conflict_height: Mapped[int | None]
    created_at: Mapped[datetime]
    state_changed_at: Mapped[datetime]
    settled_transaction_id: Mapped[int | None]


class PayoutTransaction(Base):
    """One signed form of a payout, stored before it left. The bytes never change; a retry sends the same ones."""

    __tablename__ = "payout_transactions"
    __table_args__ = (
        UniqueConstraint("chain", "txid"),
        UniqueConstraint("payout_id", "form"),
        CheckConstraint("fee_minor >= 0", name="fee_not_negative"),
        Index("ix_payout_transactions_payout_id", "payout_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"))
    chain: Mapped[str]
    txid: Mapped[str]
    form: Mapped[int]
    raw_tx: Mapped[str]
    fee_minor: Mapped[int] = mapped_column(MinorUnits)
    # What it moves, where that is not what was asked for: a sweep of the coin pays its fee out of it.
    amount_minor: Mapped[int | None] = mapped_column(MinorUnits)
    vsize: Mapped[int]
    inputs: Mapped[list[str]] = mapped_column(ARRAY(Text))
    payment_vouts: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    change_vout: Mapped[int | None]
    # It uses up the same inputs and pays nobody, so that no other form can be paid either.
    is_cancellation: Mapped[bool] = mapped_column(default=False, server_default="false")
    signed_at: Mapped[datetime]


class PayoutInput(Base):
    """An output of ours that a payout spends: two payouts can never be stored that spend the same one."""

    __tablename__ = "payout_inputs"

    chain: Mapped[str] = mapped_column(primary_key=True)
    txid: Mapped[str] = mapped_column(primary_key=True)
    vout: Mapped[int] = mapped_column(primary_key=True)
    payout_id: Mapped[UUID] = mapped_column(ForeignKey("payouts.id"), index=True)

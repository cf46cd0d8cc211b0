"""Claims that a payment was made, their evidence, and the transfer that each has used."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased, MinorUnits


class PaymentVerification(Leased, Base):
    """One claim that a payment was made, and its state."""

    __tablename__ = "payment_verifications"
    __table_args__ = (
        CheckConstraint("state IN ('requested', 'uncertain', 'verified', 'rejected')", name="state_is_known"),
        CheckConstraint("amount_minor > 0 AND paid_minor > 0", name="amounts_are_positive"),
        CheckConstraint("(state = 'verified') = (transfer_place IS NOT NULL)", name="verified_by_one_transfer"),
        CheckConstraint(
            "(credit_transaction_id IS NOT NULL) = (state = 'verified' AND credits_user)", name="credited_once_verified"
        ),
        CheckConstraint("(state IN ('uncertain', 'rejected')) <= (reason IS NOT NULL)", name="doubts_have_a_reason"),
        Index("ix_payment_verifications_user_id_id", "user_id", "id"),
        Index("ix_payment_verifications_state_id", "state", "id"),
        Index("ix_payment_verifications_chain_tx_hash", "chain", "tx_hash"),
        Index("ix_payment_verifications_recipient_flow_id", "recipient", "flow_id"),
        Index("ix_payment_verifications_decided_at", "decided_at", postgresql_where=text("decided_at IS NOT NULL")),
        Index("ix_payment_verifications_due", "due_at", postgresql_where=text("state IN ('requested', 'uncertain')")),
        Index(
            "ix_payment_verifications_verified_due",
            "due_at",
            postgresql_where=text("state = 'verified' AND due_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    chain: Mapped[str]
    tx_hash: Mapped[str]
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    # The client id of the app that claims; None for a person's own claim.
    client_id: Mapped[str | None]
    recipient: Mapped[str]
    # Whether the recipient is the house, so that the user is credited; payments to an app's address credit nobody.
    credits_user: Mapped[bool]
    amount_minor: Mapped[int | None] = mapped_column(MinorUnits)
    reference: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str | None]
    transfer_place: Mapped[int | None]
    paid_minor: Mapped[int | None] = mapped_column(MinorUnits)
    credit_transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    requested_at: Mapped[datetime]
    state_changed_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    correlation_id: Mapped[str]
    flow_id: Mapped[UUID] = mapped_column(ForeignKey("flows.group_id"), index=True)


class ClaimedTransferRow(Base):
    """A transfer that satisfied a claim; it can satisfy no other."""

    __tablename__ = "claimed_transfers"

    chain: Mapped[str] = mapped_column(primary_key=True)
    tx_hash: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    verification_id: Mapped[UUID] = mapped_column(ForeignKey("payment_verifications.id"), unique=True)


class VerificationExchange(Base):
    """One request to a provider and its raw answer: evidence. Append-only by trigger."""

    __tablename__ = "verification_exchanges"
    __table_args__ = (Index("ix_verification_exchanges_verification_id", "verification_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    verification_id: Mapped[UUID] = mapped_column(ForeignKey("payment_verifications.id"))
    # Which attempt it belongs to: the generation of its lease.
    attempt: Mapped[int]
    provider: Mapped[str]
    request: Mapped[str]
    status: Mapped[int]
    # JSON as text: JSONB would refuse what some answers hold.
    answer: Mapped[str | None]
    failure: Mapped[str]
    asked_at: Mapped[datetime]
    duration_ms: Mapped[int]


class ReceivingAddress(Base):
    """An address to which payments may be claimed, of the house or of an app."""

    __tablename__ = "receiving_addresses"

    chain: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    # None for the house's.
    client_id: Mapped[str | None] = mapped_column(ForeignKey("oauth_clients.client_id"), index=True)
    added_at: Mapped[datetime]


class VerificationRule(Base):
    """An operator's rule for claimed payments of one asset, in place of the defaults."""

    __tablename__ = "verification_rules"
    __table_args__ = (
        CheckConstraint("tolerance_minor >= 0 AND age_max_s > 0 AND confirmations > 0", name="limits_in_range"),
    )

    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), primary_key=True)
    tolerance_minor: Mapped[int | None] = mapped_column(MinorUnits)
    age_max_s: Mapped[int | None]
    confirmations: Mapped[int | None]

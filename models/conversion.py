"""Pairs that may be converted, quotes, and conversions."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Numeric, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Leased, MinorUnits

RATE = Numeric(60, 30)


class ConversionPair(Base):
    """One direction of conversion with its terms; a pair without a row is not converted."""

    __tablename__ = "conversion_pairs"
    __table_args__ = (
        CheckConstraint("from_asset_id <> to_asset_id", name="two_assets"),
        CheckConstraint("spread_ppm >= 0 AND fee_ppm >= 0 AND spread_ppm + fee_ppm < 1000000", name="charges_in_range"),
        CheckConstraint("minimum_minor > 0 AND maximum_minor >= minimum_minor", name="range_is_not_empty"),
        CheckConstraint("quote_lifetime_s BETWEEN 1 AND 3600", name="lifetime_in_range"),
        CheckConstraint("tolerance_ppm BETWEEN 0 AND 1000000", name="tolerance_in_range"),
    )

    from_asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), primary_key=True)
    to_asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), primary_key=True)
    # The price pairs of the two assets, in the same currency.
    from_price: Mapped[str] = mapped_column(ForeignKey("price_pairs.pair"), index=True)
    to_price: Mapped[str] = mapped_column(ForeignKey("price_pairs.pair"), index=True)
    spread_ppm: Mapped[int]
    fee_ppm: Mapped[int]
    # Of the asset sold.
    minimum_minor: Mapped[int] = mapped_column(MinorUnits)
    maximum_minor: Mapped[int] = mapped_column(MinorUnits)
    quote_lifetime_s: Mapped[int]
    # How far the price may move between the quote and the conversion.
    tolerance_ppm: Mapped[int]
    is_open: Mapped[bool]
    changed_at: Mapped[datetime]


class ConversionQuote(Base):
    """A quote to one user; it is used once at most."""

    __tablename__ = "conversion_quotes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["from_asset_id", "to_asset_id"], ["conversion_pairs.from_asset_id", "conversion_pairs.to_asset_id"]
        ),
        CheckConstraint("taken_minor = net_minor + spread_minor + fee_minor", name="taken_is_accounted_for"),
        CheckConstraint("taken_minor <= amount_minor", name="never_more_than_asked"),
        CheckConstraint("net_minor > 0 AND receives_minor > 0 AND spread_minor >= 0 AND fee_minor >= 0", name="whole"),
        CheckConstraint("rate > 0", name="rate_is_positive"),
        Index("ix_conversion_quotes_from_asset_id_to_asset_id", "from_asset_id", "to_asset_id"),
        Index("ix_conversion_quotes_unused", "expires_at", postgresql_where=text("used_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    # The app that requested it, the only app that may use it; None where the user requested it.
    client_id: Mapped[str | None]
    from_asset_id: Mapped[str]
    to_asset_id: Mapped[str]
    # The amount requested, of which `taken_minor` is converted; the rest stays in the account as change.
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    taken_minor: Mapped[int] = mapped_column(MinorUnits)
    net_minor: Mapped[int] = mapped_column(MinorUnits)
    spread_minor: Mapped[int] = mapped_column(MinorUnits)
    fee_minor: Mapped[int] = mapped_column(MinorUnits)
    receives_minor: Mapped[int] = mapped_column(MinorUnits)
    # Units of the asset bought for one unit of the asset sold, before spread and fee.
    rate: Mapped[Decimal] = mapped_column(RATE)
    quoted_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    @property
    def change_minor(self) -> int:
        """The part of the requested amount that is not converted."""
        return self.amount_minor - self.taken_minor


class Conversion(Leased, Base):
    """One conversion on a quote, and its state."""

    __tablename__ = "conversions"
    __table_args__ = (
        CheckConstraint("state IN ('requested', 'completed', 'failed')", name="state_is_known"),
        CheckConstraint("(state = 'requested') = (closed_at IS NULL)", name="closed_at_rest"),
        CheckConstraint("(state = 'failed') = (failed_because IS NOT NULL)", name="failures_have_a_reason"),
        CheckConstraint("(state = 'completed') = (transaction_id IS NOT NULL)", name="completed_by_one_transaction"),
        Index("ix_conversions_user_id_id", "user_id", "id"),
        Index("ix_conversions_due", "due_at", postgresql_where=text("state = 'requested'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    quote_id: Mapped[UUID] = mapped_column(ForeignKey("conversion_quotes.id"), unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str]
    failed_because: Mapped[str | None]
    # The holds: on the amount exchanged and, where there are any, on the spread and the fee.
    net_hold_id: Mapped[int] = mapped_column(BigInteger)
    spread_hold_id: Mapped[int | None] = mapped_column(BigInteger)
    fee_hold_id: Mapped[int | None] = mapped_column(BigInteger)
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    requested_at: Mapped[datetime]
    state_changed_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    flow_id: Mapped[UUID] = mapped_column(ForeignKey("flows.group_id"), index=True)

    @property
    def hold_ids(self) -> tuple[int, ...]:
        """The ids of its holds."""
        held = (self.net_hold_id, self.spread_hold_id, self.fee_hold_id)
        return tuple(hold for hold in held if hold is not None)

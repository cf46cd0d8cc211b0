"""Reference prices by source, and the rules under which they are used; prices are append-only."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Numeric, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base

EXACT = Numeric(38, 18)


class PricePair(Base):
    """A pair such as BTC/USD, and the rule for its price."""

    __tablename__ = "price_pairs"
    __table_args__ = (
        CheckConstraint("max_age_s > 0", name="age_is_positive"),
        CheckConstraint("sources_min > 0", name="sources_are_needed"),
        CheckConstraint("outlier_bps BETWEEN 0 AND 10000", name="outlier_in_range"),
    )

    pair: Mapped[str] = mapped_column(primary_key=True)
    max_age_s: Mapped[int]
    sources_min: Mapped[int] = mapped_column(SmallInteger)
    # How far from the median, in hundredths of a per cent, a source may be and still count.
    outlier_bps: Mapped[int]
    # Since when the pair is not followed any more. The row stays for its recorded prices.
    unfollowed_at: Mapped[datetime | None]


class PriceSource(Base):
    """A source of a price: a URL that answers in JSON, or a fixed number."""

    __tablename__ = "price_sources"
    __table_args__ = (
        CheckConstraint("kind IN ('http', 'fixed')", name="kind_is_known"),
        CheckConstraint("(kind = 'http') = (url IS NOT NULL AND price_path IS NOT NULL)", name="asked_somewhere"),
        CheckConstraint("(kind = 'fixed') = (fixed_price IS NOT NULL)", name="fixed_is_fixed"),
        CheckConstraint("fixed_price > 0", name="price_is_positive"),
        CheckConstraint("interval_s > 0", name="interval_is_positive"),
        CheckConstraint("key_header ~ '^[A-Za-z0-9-]{1,64}$'", name="key_header_is_a_name"),
    )

    pair: Mapped[str] = mapped_column(ForeignKey("price_pairs.pair"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    url: Mapped[str | None]
    # The path of the price in the answer: keys and indexes, separated by dots.
    price_path: Mapped[str | None]
    # The path of its time, in seconds since 1970 or as RFC 3339; None: the time it was received.
    time_path: Mapped[str | None]
    # The header for its API key. The key itself is in the settings, under the name of the source.
    key_header: Mapped[str | None]
    fixed_price: Mapped[Decimal | None] = mapped_column(EXACT)
    interval_s: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(index=True)
    failures: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]


class ReferencePrice(Base):
    """One source's price at one time. Append-only by trigger."""

    __tablename__ = "reference_prices"
    __table_args__ = (
        CheckConstraint("price > 0", name="price_is_positive"),
        Index("ix_reference_prices_pair_source_observed_at", "pair", "source", "observed_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    pair: Mapped[str] = mapped_column(ForeignKey("price_pairs.pair"))
    source: Mapped[str]
    price: Mapped[Decimal] = mapped_column(EXACT)
    observed_at: Mapped[datetime]
    received_at: Mapped[datetime]
    recorded_by: Mapped[str]

"""The assets kept here, and the withdrawal policy of each."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class Asset(Base):
    """One kind of money on one chain; everything that differs between assets is data here."""

    __tablename__ = "assets"
    __table_args__ = (
        CheckConstraint("decimals BETWEEN 0 AND 36", name="decimals_in_range"),
        CheckConstraint("minimum_deposit_minor >= 0", name="minimum_deposit_not_negative"),
        CheckConstraint("sweep_min_minor > 0", name="sweep_min_is_positive"),
    )

    asset_id: Mapped[str] = mapped_column(primary_key=True)
    chain: Mapped[str] = mapped_column(index=True)
    symbol: Mapped[str]
    name: Mapped[str]
    decimals: Mapped[int] = mapped_column(SmallInteger)
    # The canonical one; None for the chain's own coin.
    contract: Mapped[str | None]
    # The pair of its price in dollars; None for the default of the source code, "" for no price.
    priced_as: Mapped[str | None]
    minimum_deposit_minor: Mapped[int] = mapped_column(MinorUnits)
    # From which amount a deposit address is swept; a multiple of the smallest deposit by default.
    sweep_min_minor: Mapped[int | None] = mapped_column(MinorUnits)
    # [[below_amount_minor or null, confirmations], …], smallest first; null means "any amount".
    confirmation_tiers: Mapped[list[Any]] = mapped_column(JSONB)


class AssetContract(Base):
    """The asset of a contract: an asset may have several contracts, a contract has one asset.

    The chain's own coin has the contract "". Contracts without a row are not money.
    """

    __tablename__ = "asset_contracts"

    chain: Mapped[str] = mapped_column(primary_key=True)
    contract: Mapped[str] = mapped_column(primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), index=True)


class WithdrawalPolicy(Base):
    """What a withdrawal of one asset must satisfy; every amount is in the smallest unit."""

    __tablename__ = "withdrawal_policies"
    __table_args__ = (
        CheckConstraint("minimum_minor > 0", name="minimum_is_positive"),
        CheckConstraint("fee_minor >= 0 AND network_fee_cap_minor > 0", name="fees_in_range"),
        CheckConstraint("confirmations > 0", name="confirmations_are_positive"),
    )

    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), primary_key=True)
    minimum_minor: Mapped[int] = mapped_column(MinorUnits)
    fee_minor: Mapped[int] = mapped_column(MinorUnits)
    # In the asset that fees are paid in: the chain's coin, whatever this asset is.
    network_fee_cap_minor: Mapped[int] = mapped_column(MinorUnits)
    auto_limit_minor: Mapped[int] = mapped_column(MinorUnits)
    daily_user_limit_minor: Mapped[int] = mapped_column(MinorUnits)
    daily_system_limit_minor: Mapped[int | None] = mapped_column(MinorUnits)
    # Whether internal transfers count towards the daily limit, and wait for the cool-down, as well.
    transfers_count: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    two_approvals_above_minor: Mapped[int] = mapped_column(MinorUnits)
    key_cooldown_s: Mapped[int]
    allowlist_only: Mapped[bool] = mapped_column(default=False)
    confirmations: Mapped[int]
    paused: Mapped[bool] = mapped_column(default=False)

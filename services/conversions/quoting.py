"""Say what an amount brings, from fresh prices, for a while."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy.orm import Session

from domain.conversions import Charges, exchange, rate_of
from domain.errors import StrongroomError
from domain.ids import new_id
from domain.money import format_amount
from domain.prices import PriceStale
from models import dropping
from models.asset import Asset
from models.conversion import ConversionPair, ConversionQuote
from services import assets, prices
from services.conversions import floats, pairs
from services.prices import PairMissing

FORGOTTEN_AFTER: Final = timedelta(days=1)
"""How long after its expiry an unused quote is dropped."""


class ConversionOutOfRange(StrongroomError):
    """The amount is below the pair's minimum or above its maximum."""

    code: ClassVar[str] = "conversion_out_of_range"


class ConversionUnavailable(StrongroomError):
    """Too little of the asset to be bought is set aside at the moment."""

    code: ClassVar[str] = "conversion_unavailable"


def quote(
    session: Session,
    *,
    user_id: UUID,
    from_asset_id: str,
    to_asset_id: str,
    amount_minor: int,
    now: datetime,
    client_id: str | None = None,
) -> ConversionQuote:
    """What this amount brings now: a quote for one use, until it expires. Nothing is held for it.

    `client_id` is the app that asks for its user. Raises ConversionPairMissing, ConversionPairPaused,
    ConversionOutOfRange, PriceStale, PriceDisputed, RateOutOfRange, ConversionTooSmall, ConversionUnavailable.
    """
    pair = pairs.usable(session, from_asset_id, to_asset_id)
    sold, bought = assets.get(session, from_asset_id), assets.get(session, to_asset_id)
    _check_range(pair, sold, amount_minor)
    rate = rate_now(session, pair, now=now)
    made = exchange(
        amount_minor,
        rate,
        Charges(pair.spread_ppm, pair.fee_ppm),
        sold_decimals=sold.decimals,
        bought_decimals=bought.decimals,
    )
    if made.receives_minor > floats.available(session, to_asset_id):
        raise ConversionUnavailable
    row = ConversionQuote(
        id=new_id(),
        user_id=user_id,
        client_id=client_id,
        from_asset_id=from_asset_id,
        to_asset_id=to_asset_id,
        amount_minor=amount_minor,
        taken_minor=made.taken_minor,
        net_minor=made.net_minor,
        spread_minor=made.spread_minor,
        fee_minor=made.fee_minor,
        receives_minor=made.receives_minor,
        rate=rate,
        quoted_at=now,
        expires_at=now + timedelta(seconds=pair.quote_lifetime_s),
    )
    session.add(row)
    session.flush()
    return row


def rate_now(session: Session, pair: ConversionPair, *, now: datetime) -> Decimal:
    """What one unit of the asset sold is worth in units of the other. Raises PriceStale, PriceDisputed, RateOutOfRange.

    A price that nobody follows any more is as good as one that is too old.
    """
    try:
        sold, bought = (prices.current(session, named, now=now).price for named in (pair.from_price, pair.to_price))
    except PairMissing as missing:
        raise PriceStale(str(missing)) from missing
    return rate_of(sold, bought)


def forget_unused(session: Session, *, now: datetime) -> int:
    """Drop some of the quotes that expired long ago and that nobody used; returns how many."""
    is_over = ConversionQuote.expires_at < now - FORGOTTEN_AFTER
    return dropping.some(session, ConversionQuote, is_over, ConversionQuote.used_at.is_(None))


def _check_range(pair: ConversionPair, sold: Asset, amount_minor: int) -> None:
    if pair.minimum_minor <= amount_minor <= pair.maximum_minor:
        return
    least, most = (format_amount(bound, sold.decimals) for bound in (pair.minimum_minor, pair.maximum_minor))
    reason = f"must be between {least} and {most} {sold.symbol}"
    raise ConversionOutOfRange(f"amount: {reason}", fields={"amount": [reason]})

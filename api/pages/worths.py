"""What amounts are worth in dollars: only where a price is fresh, and always with its age."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from api.pages.shapes import Money, Worth
from api.pages.wording import amount
from domain.prices import Price, worth_minor
from services import assets, prices

CENTS: Final = 2


def current_prices(session: Session, *, now: datetime) -> Mapping[str, Price]:
    """The prices to go by, by asset id; an asset without one is absent."""
    return prices.of_assets(session, assets.every(session), now=now)


def worth(money: Money, price: Price | None) -> Worth | None:
    """What an amount is worth, rounded towards zero; None without a price, and for nothing at all."""
    if price is None or money.minor == 0:
        return None
    cents = worth_minor(money.minor, money.asset.decimals, price.price, CENTS)
    return Worth(f"{amount(cents, CENTS)} {prices.FIAT}", price.observed_at)

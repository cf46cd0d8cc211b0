"""Values of amounts in dollars: only with a fresh price, and always with its age."""

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
    """The current prices by asset id; assets without one are absent."""
    return prices.of_assets(session, assets.every(session), now=now)


def worth(money: Money, price: Price | None) -> Worth | None:
    """The value of an amount, rounded towards zero; None without a price, and for zero."""
    if price is None or money.minor == 0:
        return None
    cents = worth_minor(money.minor, money.asset.decimals, price.price, CENTS)
    return Worth(f"{amount(cents, CENTS)} {prices.FIAT}", price.observed_at)

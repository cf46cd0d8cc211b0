"""Prices from any JSON service."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from adapters.http_json import NoAnswer, fetch, pick
from domain.prices import parse_price

TIMEOUT_S: Final = 5.0
_MILLISECONDS_FROM: Final = Decimal(10) ** 11
"""Seconds since 1970 stay below this for another 1,100 years."""


class HttpPrices:
    """Fetches prices over HTTP (implements `domain.ports.PriceFeed`)."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s

    def ask(
        self, url: str, *, price_path: str, time_path: str | None, headers: Mapping[str, str] | None = None
    ) -> tuple[Decimal, datetime | None]:
        """The price and its time. Raises NoAnswer, InvalidPrice."""
        document = fetch(url, timeout_s=self._timeout_s, headers=headers)
        price = parse_price(pick(document, price_path))
        return price, None if time_path is None else _moment(pick(document, time_path))


def _moment(value: Any) -> datetime:
    """A time from seconds or milliseconds since 1970, or as RFC 3339. Raises NoAnswer."""
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is None:
                raise NoAnswer("its answer has a time without a zone")
            return moment.astimezone(UTC)
        seconds = Decimal(value)
        if seconds >= _MILLISECONDS_FROM:
            seconds /= 1000
        return datetime.fromtimestamp(float(seconds), UTC)
    except (ValueError, TypeError, OverflowError, OSError, InvalidOperation) as error:
        raise NoAnswer("its answer has something else where the time belongs") from error

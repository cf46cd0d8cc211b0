"""What a conversion brings: exact arithmetic on whole units, in which no unit appears or disappears."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from types import MappingProxyType
from typing import ClassVar, Final

from domain.errors import StrongroomError

PPM: Final = 1_000_000
"""Shares are whole millionths."""
RATE_SCALE: Final = 30
"""How many decimals a rate keeps; the rest is cut off, in the house's favour."""
RATE_DIGITS_MAX: Final = 30
"""How many digits it may have before the point."""
_EXACT: Final = Context(prec=200, rounding=ROUND_FLOOR)

FAILURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "float_short": "The house had too little of what was to be bought.",
        "pair_paused": "An operator paused this conversion before it was carried out.",
        "price_disputed": "The sources of its price contradicted each other before it was carried out.",
        "price_moved": "The price moved too far between the quote and the conversion.",
        "price_stale": "There was no fresh price any more when it was to be carried out.",
    }
)
"""Why one was not carried out, by code."""


class ConversionTooSmall(StrongroomError):
    """The amount would buy less than the smallest unit of the other asset."""

    code: ClassVar[str] = "conversion_too_small"


class RateOutOfRange(StrongroomError):
    """The prices of the two assets are too far apart to convert one into the other."""

    code: ClassVar[str] = "rate_out_of_range"


@dataclass(frozen=True, slots=True)
class Charges:
    """What the house charges, as shares of the amount sold in millionths: the spread and the fee."""

    spread_ppm: int
    fee_ppm: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """How an amount is divided up, in the smallest units of either asset.

    `taken_minor` leaves the user: it is `net_minor + spread_minor + fee_minor`. `net_minor` is exchanged for
    `receives_minor` of the asset bought. `change_minor` could not be exchanged exactly, and stays with the user.
    """

    taken_minor: int
    net_minor: int
    spread_minor: int
    fee_minor: int
    receives_minor: int
    change_minor: int


def rate_of(sold: Decimal, bought: Decimal) -> Decimal:
    """How many units of the asset bought one unit of the asset sold is worth, by their prices in the same money.

    Raises RateOutOfRange for a rate that does not fit the digits kept.
    """
    rate = _EXACT.quantize(_EXACT.divide(sold, bought), Decimal(1).scaleb(-RATE_SCALE))
    if rate <= 0 or rate.adjusted() >= RATE_DIGITS_MAX:
        raise RateOutOfRange
    return rate


def spell_rate(rate: Decimal, *, digits_max: int = RATE_DIGITS_MAX + RATE_SCALE) -> str:
    """A rate as a plain decimal number without trailing zeros, in full or cut to this many digits."""
    cut = Context(prec=digits_max, rounding=ROUND_FLOOR).plus(rate)
    whole, _, fraction = f"{cut:f}".partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def exchange(
    amount_minor: int, rate: Decimal, charges: Charges, *, sold_decimals: int, bought_decimals: int
) -> Exchange:
    """What an amount brings at this rate, and the least that has to be taken for it. Raises ConversionTooSmall.

    The charges are rounded up and what is received is rounded down to whole units. Then as little as possible is taken
    for the amount received, with the charges recomputed on it. So the user never gets more than the rate says, and
    never pays for something that they did not get.
    """
    numerator, denominator = rate.as_integer_ratio()
    numerator, denominator = numerator * 10**bought_decimals, denominator * 10**sold_decimals
    charged_ppm = charges.spread_ppm + charges.fee_ppm
    receives_minor = (amount_minor - _share(amount_minor, charged_ppm)) * numerator // denominator
    if receives_minor <= 0:
        raise ConversionTooSmall(fields={"amount": ["brings less than the smallest unit of what is bought"]})
    net_minor = -(-receives_minor * denominator // numerator)
    # The least amount that leaves this much after charges; each further unit leaves one more, or none.
    taken_minor = -(-net_minor * PPM // (PPM - charged_ppm))
    fee_minor = _share(taken_minor, charges.fee_ppm)
    spread_minor = _share(taken_minor, charged_ppm) - fee_minor
    return Exchange(taken_minor, net_minor, spread_minor, fee_minor, receives_minor, amount_minor - taken_minor)


def has_moved(quoted: Decimal, now: Decimal, *, tolerance_ppm: int) -> bool:
    """Whether a rate differs from the quoted one by more than is tolerated, in either direction."""
    distance = _EXACT.abs(_EXACT.subtract(now, quoted))
    return _EXACT.multiply(distance, Decimal(PPM)) > _EXACT.multiply(quoted, Decimal(tolerance_ppm))


def _share(amount_minor: int, ppm: int) -> int:
    return -(-amount_minor * ppm // PPM)

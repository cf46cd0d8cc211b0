"""Amounts: whole numbers of an asset's smallest unit, and their decimal spelling."""

import re
from typing import ClassVar

from domain.errors import StrongroomError

DIGITS_MAX = 60
"""No amount has more digits than this. The ledger stores 78, which no sum of such amounts exceeds."""
_SPELLING = re.compile(r"(?P<whole>0|[1-9][0-9]{0,77})(?:\.(?P<fraction>[0-9]{1,77}))?", re.ASCII)


class InvalidAmount(StrongroomError):
    """The amount is not a plain, positive decimal number within the asset's precision."""

    code: ClassVar[str] = "invalid_amount"


def parse_amount(text: object, decimals: int, *, field: str = "amount") -> int:
    """Read a decimal string such as "0.05" as an integer of the smallest unit.

    Refused with InvalidAmount: anything but a string, signs, exponents, NaN, spaces, a missing digit on either side
    of the point, zero, and more fraction digits than the asset has (trailing zeros beyond them included: an amount
    that cannot be held exactly is never rounded).
    """

    def refuse(reason: str) -> InvalidAmount:
        return InvalidAmount(f"{field}: {reason}", fields={field: [reason]})

    if not isinstance(text, str):
        raise refuse("must be a string holding a decimal number")
    match = _SPELLING.fullmatch(text)
    if match is None:
        raise refuse("must be a plain decimal number such as 0.05: a point, no comma, sign, exponent or space")
    fraction = match["fraction"] or ""
    if len(fraction) > decimals:
        raise refuse(f"has {len(fraction)} decimals; this asset has {decimals}")
    minor: int = int(match["whole"]) * 10**decimals + int(fraction.ljust(decimals, "0") or "0")
    if minor == 0:
        raise refuse("must be more than zero")
    if minor >= 10**DIGITS_MAX:
        raise refuse("is larger than any amount can be")
    return minor


def format_amount(amount_minor: int, decimals: int) -> str:
    """Spell an integer of the smallest unit as a decimal string with all the asset's decimals: 5 → "0.00000005"."""
    sign = "-" if amount_minor < 0 else ""
    whole, fraction = divmod(abs(amount_minor), 10**decimals)
    return f"{sign}{whole}.{fraction:0{decimals}d}" if decimals else f"{sign}{whole}"

"""The format of amounts, times, durations and identifiers on pages."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from domain.ids import short_id
from domain.money import format_amount

THIN_SPACE: Final = "\u2009"
MINUS: Final = "\u2212"
ELLIPSIS: Final = "\u2026"
_GROUP: Final = 3
_MIDDLE_MIN: Final = 14
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_WEEK_DAYS: Final = 7
_PER_CENT_DIGITS: Final = 4


def amount(amount_minor: int, decimals: int, *, sign: str = "") -> str:
    """An amount in full precision, its digits in groups of three: 5000000 with 8 decimals → "0.050 000 00".

    The spaces are thin ones. `sign` is "+", "-" or ""; "-" and negative amounts get a true minus sign.
    """
    spelled = format_amount(amount_minor, decimals)
    negative = spelled.startswith("-")
    whole, point, fraction = spelled.removeprefix("-").partition(".")
    grouped = _from_the_right(whole) + point + _from_the_left(fraction)
    mark = {"+": "+", "-": MINUS, "": MINUS if negative else ""}[sign]
    return f"{mark}{THIN_SPACE}{grouped}" if mark else grouped


def typed_amount(text: str) -> str:
    """An amount as typed or pasted, without the spaces that pages put between digits."""
    return "".join(text.split()).replace("\u202f", "")


def per_cent(ppm: int) -> str:
    """Millionths as per cent: 2500 is "0.25 %"."""
    return f"{format_amount(ppm, _PER_CENT_DIGITS).rstrip('0').rstrip('.')}\u00a0%"


def relative(moment: datetime, now: datetime) -> str:
    """A time relative to now: "2 s ago", "yesterday", "in 4 min", "12 Mar 2025"."""
    if moment > now:
        return f"in {lasting(moment - now)}"
    age = now - moment
    days = (now.astimezone(UTC).date() - moment.astimezone(UTC).date()).days
    if age < timedelta(seconds=1):
        return "just now"
    if age < timedelta(hours=12) or days == 0:
        return f"{lasting(timedelta(seconds=int(age.total_seconds())))} ago"
    if days == 1:
        return "yesterday"
    if days < _WEEK_DAYS:
        return f"{days} days ago"
    return f"{moment.day} {moment:%b %Y}"


def exact(moment: datetime) -> str:
    """A time to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def lasting(duration: timedelta) -> str:
    """A duration in its one or two largest units: "0.25 s", "12 s", "4 min", "2 h 5 min", "3 d 4 h"."""
    seconds = max(duration.total_seconds(), 0.0)
    if seconds < 1:
        return f"{seconds:.2f}".rstrip("0").removesuffix(".") + " s"
    if seconds < 10:  # noqa: PLR2004 - below ten seconds a tenth still says something
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return _two(whole, _HOUR, "h", _MINUTE, "min")
    return _two(whole, _DAY, "d", _HOUR, "h")


def about(duration: timedelta) -> str:
    """An estimated duration: "about a minute", "about 20 minutes", "about 3 hours"."""
    minutes = round(duration.total_seconds() / _MINUTE)
    if minutes <= 1:
        return "about a minute"
    if minutes < 120:  # noqa: PLR2004 - two hours
        return f"about {minutes} minutes"
    return f"about {round(minutes / 60)} hours"


def in_full(duration: timedelta) -> str:
    """A configured duration within a sentence: "1 day", "36 hours", "90 minutes", "45 seconds"."""
    seconds = int(duration.total_seconds())
    for unit_s, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds and seconds % unit_s == 0:
            return counted(seconds // unit_s, name)
    return counted(seconds, "second")


def middle(identifier: str, *, head: int = 6, tail: int = 6) -> str:
    """An identifier shortened in the middle, since both ends tell it apart."""
    if len(identifier) <= max(_MIDDLE_MIN, head + tail + 1):
        return identifier
    return f"{identifier[:head]}{ELLIPSIS}{identifier[-tail:]}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 confirmation", "3 confirmations"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def scope(name: str) -> str:
    """The scope of an alert in words: "chain:anvil" → "chain anvil", "flow:<id>" → "flow k7f3m2n9qd".

    A flow is shown by its short id; the ids of other rows are only shortened.
    """
    noun, _, which = name.partition(":")
    # Anything but an id is a readable name.
    with suppress(ValueError):
        which = short_id(UUID(which)) if noun == "flow" else middle(str(UUID(which)))
    return f"{noun} {which}".rstrip()


def spoken(code: str) -> str:
    """A code or state as words: "pending_approval" → "pending approval"."""
    return code.replace("_", " ")


def _from_the_right(digits: str) -> str:
    head = len(digits) % _GROUP
    return THIN_SPACE.join([*([digits[:head]] if head else []), *_threes(digits[head:])])


def _from_the_left(digits: str) -> str:
    return THIN_SPACE.join(_threes(digits))


def _threes(digits: str) -> Iterator[str]:
    for start in range(0, len(digits), _GROUP):
        yield digits[start : start + _GROUP]


def _two(whole: int, large_s: int, large: str, small_s: int, small: str) -> str:
    rest = whole % large_s // small_s
    return f"{whole // large_s} {large}" + (f" {rest} {small}" if rest else "")

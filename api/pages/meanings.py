"""The four meanings of money on a page, each with a word and an icon besides its colour."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    """One meaning: its key (its class in the stylesheet too), its word, and the path of its 16 px icon."""

    key: str
    word: str
    path: str
    filled: bool = False


MEANINGS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        meaning.key: meaning
        for meaning in (
            Meaning("seen", "seen", "M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7Z", filled=True),
            Meaning("yours", "yours", "M3 8.5 6.5 12 13 4.5"),
            Meaning("waiting", "waiting", "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 3v3.2l2 1.6"),
            Meaning("wrong", "wrong", "M8 2.2 14.3 13.5H1.7L8 2.2Zm0 4.3v3m0 1.8v.2"),
            Meaning("sent", "sent", "M4 12 12 4M6 4h6v6"),
            Meaning("ended", "ended", "m4.5 4.5 7 7m0-7-7 7"),
        )
    }
)
"""By key. The last two are for what is over: money that left, and requests that failed or were cancelled; both are
muted."""

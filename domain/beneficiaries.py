"""The name of a person who is paid, where a provider requires one: validated strictly, and shown only in part."""

import re
import unicodedata
from typing import ClassVar, Final, Protocol, TypeGuard

from domain.errors import StrongroomError
from domain.rail_rows import RailRow

NAME_LENGTH_MIN: Final = 2
NAME_LENGTH_MAX: Final = 80
_MARKS: Final = frozenset(" .'\N{RIGHT SINGLE QUOTATION MARK}-")


class InvalidBeneficiary(StrongroomError):
    """The recipient's name is invalid, is missing where required, or is not accepted here."""

    code: ClassVar[str] = "invalid_beneficiary"


class NamedRail(RailRow, Protocol):
    """A rail that pays bank or phone accounts, some of which require the holder's name."""

    def needs_name(self, destination: str, asset_id: str) -> bool:
        """Whether this destination, in this asset, cannot be paid without the holder's name."""
        ...


def takes_names(rail: RailRow) -> TypeGuard[NamedRail]:
    """Whether this rail takes a beneficiary's name."""
    return hasattr(rail, "needs_name")


def beneficiary_of(rail: RailRow, text: object, *, destination: str, asset_id: str) -> str | None:
    """The beneficiary's name, validated; None where none was given or needed. Raises InvalidBeneficiary.

    A name that no provider will be told is refused rather than kept.
    """
    if text in (None, ""):
        if takes_names(rail) and rail.needs_name(destination, asset_id):
            raise _refusal("must be the name of whoever is paid, as their bank or network knows it")
        return None
    if not takes_names(rail):
        raise _refusal("is not asked for on this rail: leave it out")
    return _name(text)


def masked(name: str) -> str:
    """A name as shown to those who need not know it: the first letter of each word."""
    return " ".join(f"{word[0]}\N{HORIZONTAL ELLIPSIS}" for word in name.split())


def _name(text: object) -> str:
    if not isinstance(text, str):
        raise _refusal("must be a string")
    name = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)).strip()
    if not NAME_LENGTH_MIN <= len(name) <= NAME_LENGTH_MAX:
        raise _refusal(f"must have {NAME_LENGTH_MIN} to {NAME_LENGTH_MAX} characters")
    if not name[0].isalpha() or not all(_is_of_names(character) for character in name):
        raise _refusal("must be letters, with spaces, full stops, hyphens and apostrophes between them")
    return name


def _is_of_names(character: str) -> bool:
    return character in _MARKS or unicodedata.category(character)[0] in "LM"


def _refusal(reason: str) -> InvalidBeneficiary:
    return InvalidBeneficiary(f"beneficiary_name: {reason}", fields={"beneficiary_name": [reason]})

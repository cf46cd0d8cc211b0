"""The name of a person who is paid, where a provider will not pay without one: read strictly, shown only in part."""

import re
import unicodedata
from typing import ClassVar, Final, Protocol, TypeGuard

from domain.errors import StrongroomError
from domain.rail_rows import RailRow

NAME_LENGTH_MIN: Final = 2
NAME_LENGTH_MAX: Final = 80
_MARKS: Final = frozenset(" .'\N{RIGHT SINGLE QUOTATION MARK}-")


class InvalidBeneficiary(StrongroomError):
    """This is no name that a provider can be given, it is missing where one is needed, or nobody asks for one."""

    code: ClassVar[str] = "invalid_beneficiary"


class NamedRail(RailRow, Protocol):
    """A rail that pays people by their account, some of whom have to be named."""

    def needs_name(self, destination: str, asset_id: str) -> bool:
        """Whether nobody is paid at this destination, in this asset, without their name."""
        ...


def takes_names(rail: RailRow) -> TypeGuard[NamedRail]:
    """Whether whoever is paid on this rail can be named."""
    return hasattr(rail, "needs_name")


def beneficiary_of(rail: RailRow, text: object, *, destination: str, asset_id: str) -> str | None:
    """The name of whoever is paid there, None where there is none. Raises InvalidBeneficiary.

    Nothing is kept of anybody that no provider is to be told.
    """
    if text in (None, ""):
        if takes_names(rail) and rail.needs_name(destination, asset_id):
            raise _refusal("must be the name of whoever is paid, as their bank or network knows it")
        return None
    if not takes_names(rail):
        raise _refusal("is not asked for on this rail: leave it out")
    return _name(text)


def masked(name: str) -> str:
    """A name as far as it may be shown to whoever need not know it: the first letter of each word."""
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

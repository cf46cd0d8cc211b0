"""What is said of a movement of money, to whoever reads it.

The tables of domain/flows speak to its owner; to anybody else "yours" would be somebody else's money.
"""

import re
from typing import Final

_OWNED: Final = re.compile(r"\byours?\b", re.IGNORECASE)


def told(sentence: str, *, is_owner: bool) -> str:
    """A sentence as its reader must take it: "The funds are yours again" is "the owner's again" to an operator."""
    return sentence if is_owner else _OWNED.sub(_another, sentence)


def _another(found: re.Match[str]) -> str:
    return "The owner's" if found[0][0].isupper() else "the owner's"

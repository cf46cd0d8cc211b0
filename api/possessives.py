"""Sentences about a movement of money, worded for whoever reads them.

The state tables of domain/flows address the owner; to an operator, "yours" would be somebody else's money.
"""

import re
from typing import Final

_OWNED: Final = re.compile(r"\byours?\b", re.IGNORECASE)


def for_reader(sentence: str, *, is_owner: bool) -> str:
    """The sentence for this reader: an operator reads "the owner's again" where the owner reads "yours again"."""
    return sentence if is_owner else _OWNED.sub(_owners, sentence)


def _owners(found: re.Match[str]) -> str:
    return "The owner's" if found[0][0].isupper() else "the owner's"

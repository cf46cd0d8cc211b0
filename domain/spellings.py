"""The other forms in which an address or a transaction hash may be on record, for somebody who searches for it."""

import re
from typing import Final

from domain.errors import StrongroomError
from domain.rails import RAILS

_HEX_HASH: Final = re.compile(r"(0x)?[0-9a-fA-F]{64}", re.ASCII)


def of_address(text: str) -> frozenset[str]:
    """Every form in which some rail would store this address, and the one that was typed.

    Of a custodian's address, the chain's code before the colon may be left out.
    """
    spellings = {text}
    for rail in RAILS.values():
        for typed in (text, *(f"{network}:{text}" for network in rail.networks)):
            try:
                spellings.add(rail.parse_destination(typed).text)
            except StrongroomError:
                continue  # it is no address of this rail
    return frozenset(spellings)


def of_hash(text: str) -> frozenset[str]:
    """A transaction's hash as it was typed and, if it is in hex, in the spellings of both families that write it so."""
    if not _HEX_HASH.fullmatch(text):
        return frozenset({text})
    digits = text.lower().removeprefix("0x")
    return frozenset({text, digits, f"0x{digits}"})

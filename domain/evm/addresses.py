"""Addresses of accounts: twenty bytes, and the spelling whose capitals are a checksum (EIP-55)."""

import re
from typing import Final

from domain.addresses import InvalidAddress, UnsupportedAddress
from domain.errors import StrongroomError, ensure
from domain.evm.keccak import keccak256
from domain.rail_rows import Destination

ADDRESS_SIZE: Final = 20
_SPELLING: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_CAPITAL_FROM: Final = 8


def parse_evm_address(text: object, *, field: str = "address") -> Destination:
    """Read an address. In one case throughout it carries no checksum and is accepted; mixed case has to be right.

    The same address exists on every chain of this kind: nothing in it names the network. Raises InvalidAddress, and
    UnsupportedAddress for the zero address, where money is destroyed.
    """
    if not isinstance(text, str):
        raise _refusal(InvalidAddress, field, "must be a string")
    if not _SPELLING.fullmatch(text):
        raise _refusal(InvalidAddress, field, "must be 0x and forty hexadecimal digits")
    payload = bytes.fromhex(text[2:])
    canonical = spell_address(payload)
    digits = text[2:]
    if digits not in {digits.lower(), digits.upper()} and text != canonical:
        raise _refusal(InvalidAddress, field, "has a capital letter in the wrong place: mistyped, or cut short")
    if not any(payload):
        raise _refusal(UnsupportedAddress, field, "is the zero address: what is sent there is lost")
    return Destination(canonical, payload)


def spell_address(payload: bytes) -> str:
    """The canonical spelling of an address (EIP-55)."""
    ensure(len(payload) == ADDRESS_SIZE, "an address has twenty bytes")
    digits = payload.hex()
    marks = keccak256(digits.encode("ascii")).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= _CAPITAL_FROM else digit for digit, mark in zip(digits, marks, strict=False)
    )


def _refusal(kind: type[StrongroomError], field: str, reason: str) -> StrongroomError:
    return kind(f"{field}: {reason}", fields={field: [reason]})

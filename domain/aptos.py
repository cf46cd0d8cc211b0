"""Addresses of Aptos: 32 bytes in hexadecimal, whose leading zeros people and nodes often leave out (AIP-40)."""

import hashlib
import re
from typing import Final

from domain.addresses import InvalidAddress, UnsupportedAddress
from domain.errors import StrongroomError
from domain.rail_rows import Destination

ADDRESS_SIZE: Final = 32
_DERIVED_FROM_OBJECT: Final = b"\xfc"
_SPELLING: Final = re.compile(r"(?:0x)?[0-9a-fA-F]{1,64}", re.ASCII)


def parse_aptos_address(text: object, *, field: str = "address") -> Destination:
    """Read an address in its long or short form; the canonical form is long and in lower case.

    Without 0x only the long form is accepted: a short one could be anything. Raises InvalidAddress, UnsupportedAddress.
    """
    if not isinstance(text, str):
        raise _refusal(InvalidAddress, field, "must be a string")
    if not _SPELLING.fullmatch(text):
        raise _refusal(InvalidAddress, field, "must be 0x and up to 64 hexadecimal digits")
    if not text.startswith("0x") and len(text) != 2 * ADDRESS_SIZE:
        raise _refusal(InvalidAddress, field, "must begin with 0x")
    spelled = long_form(text)
    if not int(spelled, 16):
        raise _refusal(UnsupportedAddress, field, "is the zero address: nobody has it")
    return Destination(spelled, bytes.fromhex(spelled[2:]))


def long_form(text: str) -> str:
    """The canonical spelling of an address that is known to be one."""
    return "0x" + text.removeprefix("0x").lower().rjust(2 * ADDRESS_SIZE, "0")


def primary_store(owner: str, metadata: str) -> str:
    """Where an account's own store of a fungible asset is: SHA3-256 of owner, metadata and 0xFC. Both in the long form.

    `object::create_user_derived_object_address` of the framework.
    """
    source = bytes.fromhex(owner.removeprefix("0x")) + bytes.fromhex(metadata.removeprefix("0x"))
    return "0x" + hashlib.sha3_256(source + _DERIVED_FROM_OBJECT).hexdigest()


def _refusal(kind: type[StrongroomError], field: str, reason: str) -> StrongroomError:
    return kind(f"{field}: {reason}", fields={field: [reason]})

"""Addresses of Tron: twenty bytes behind 0x41, as Base58Check for people and as hexadecimal between nodes."""

import re
from typing import Final

from domain.addresses import InvalidAddress, UnsupportedAddress, WrongNetwork
from domain.base58 import decode_base58check, encode_base58check
from domain.errors import StrongroomError, ensure
from domain.rail_rows import Destination

PREFIX: Final = b"\x41"
ACCOUNT_SIZE: Final = 20
_HEX: Final = re.compile(r"(?:0x)?41[0-9a-fA-F]{40}", re.ASCII)
_EVM: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)


def parse_tron_address(text: object, *, field: str = "address") -> Destination:
    """Read an address in either spelling; the canonical one is Base58Check, where case matters.

    Raises InvalidAddress; WrongNetwork for the spelling of EVM chains, which shares the bytes and not the network;
    UnsupportedAddress for the address that nobody has.
    """
    if not isinstance(text, str):
        raise _refusal(InvalidAddress, field, "must be a string")
    if _EVM.fullmatch(text):
        raise _refusal(WrongNetwork, field, "this is an address of an EVM chain; Tron's begin with T")
    payload = bytes.fromhex(text.removeprefix("0x")) if _HEX.fullmatch(text) else _decoded(text, field)
    if len(payload) != 1 + ACCOUNT_SIZE or payload[:1] != PREFIX:
        raise _refusal(InvalidAddress, field, "is not an address of Tron")
    if not any(payload[1:]):
        raise _refusal(UnsupportedAddress, field, "is the zero address: what is sent there is lost")
    return Destination(spell_tron_address(payload[1:]), payload)


def spell_tron_address(account: bytes) -> str:
    """The canonical spelling of the account with these twenty bytes."""
    ensure(len(account) == ACCOUNT_SIZE, "an account of Tron has twenty bytes")
    return encode_base58check(PREFIX + account)


def _decoded(text: str, field: str) -> bytes:
    try:
        return decode_base58check(text)
    except ValueError as reason:
        raise _refusal(InvalidAddress, field, str(reason)) from reason


def _refusal(kind: type[StrongroomError], field: str, reason: str) -> StrongroomError:
    return kind(f"{field}: {reason}", fields={field: [reason]})

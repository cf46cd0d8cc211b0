"""Addresses and transaction ids of Solana: 32 and 64 bytes in base58, without a checksum, and case matters."""

from typing import Final

from domain.addresses import InvalidAddress, UnsupportedAddress
from domain.base58 import decode_base58, encode_base58
from domain.rail_rows import Destination, HashSpelling

KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64


def parse_solana_address(text: object, *, field: str = "address") -> Destination:
    """Read the address of a wallet or a mint. Raises InvalidAddress, and UnsupportedAddress for the system's own.

    Nothing in an address tells a typing error from another address; only its length is checked.
    """
    payload = _decoded(text, field)
    if len(payload) != KEY_SIZE:
        raise InvalidAddress(f"{field}: is not 32 bytes long", fields={field: ["is not 32 bytes long"]})
    if not any(payload):
        reason = "is the address of the system itself: what is sent there is lost"
        raise UnsupportedAddress(f"{field}: {reason}", fields={field: [reason]})
    return Destination(encode_base58(payload), payload)


def parse_solana_signature(text: str) -> str | None:
    """The first signature of a transaction, which is its id; None if this text cannot be one."""
    try:
        payload = decode_base58(text)
    except ValueError:
        return None
    return text if len(payload) == SIGNATURE_SIZE else None


SOLANA_SIGNATURE: Final = HashSpelling(parse_solana_signature, "2" * 87)
"""How transactions are named there."""


def _decoded(text: object, field: str) -> bytes:
    if not isinstance(text, str):
        raise InvalidAddress(f"{field}: must be a string", fields={field: ["must be a string"]})
    try:
        return decode_base58(text)
    except ValueError as reason:
        raise InvalidAddress(f"{field}: {reason}", fields={field: [str(reason)]}) from reason

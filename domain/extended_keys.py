"""Extended public keys (BIP-32) as they stand in a descriptor: where derivation begins, and along which path."""

from dataclasses import dataclass
from typing import Final

_CHAIN_CODE: Final = slice(13, 45)
_KEY: Final = slice(45, 78)


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """A key that others derive from: 33 bytes compressed, its chain code, and unhardened steps.

    With `is_ranged` the index of the address is one step more.
    """

    public_key: bytes
    chain_code: bytes
    steps: tuple[int, ...]
    is_ranged: bool


def from_payload(payload: bytes, steps: tuple[int, ...], *, is_ranged: bool) -> ExtendedKey:
    """From the 78 bytes of its Base58Check, which the caller has checked for length and version."""
    return ExtendedKey(payload[_KEY], payload[_CHAIN_CODE], steps, is_ranged)

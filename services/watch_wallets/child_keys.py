"""The keys that a descriptor's extended keys derive to, stored truncated, so that a proved key can be looked up."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from typing import Final

from coincurve import PublicKey

from domain.extended_keys import ExtendedKey

PREFIX: Final = 8
"""Bytes kept of the x coordinate of each key: enough that no two of anybody's wallets share them by accident."""
_X: Final = slice(1, 1 + PREFIX)


def derived_keys(extended: Iterable[ExtendedKey], indexes: tuple[int, int] | None) -> bytes:
    """The truncated derived keys, concatenated; 30 µs or more for each key, so not for a web request."""
    return b"".join(key[_X] for parent in extended for key in _children(parent, indexes))


def holds(kept: bytes | None, public_key: str) -> bool:
    """Whether a compressed key in hex is among them."""
    wanted = bytes.fromhex(public_key)[_X]
    place = -1 if kept is None else kept.find(wanted)
    while kept is not None and place >= 0 and place % PREFIX:
        place = kept.find(wanted, place + 1)
    return place >= 0


def _children(parent: ExtendedKey, indexes: tuple[int, int] | None) -> Iterator[bytes]:
    key, chain_code = parent.public_key, parent.chain_code
    try:
        for step in parent.steps:
            key, chain_code = _child(key, chain_code, step)
        if not parent.is_ranged or indexes is None:
            yield key
            return
    except ValueError:  # not a point, or the one path in 2^127 that has no child (BIP-32)
        return
    for index in range(indexes[0], indexes[1] + 1):
        yield _child(key, chain_code, index)[0]


def _child(key: bytes, chain_code: bytes, index: int) -> tuple[bytes, bytes]:
    """CKDpub of BIP-32."""
    digest = hmac.new(chain_code, key + index.to_bytes(4), hashlib.sha512).digest()
    return PublicKey(key).add(digest[:32]).format(), digest[32:]

"""The scripts that pay to one public key alone, in every form that wallets use."""

import hashlib
from typing import Final

_FIELD: Final = (1 << 256) - (1 << 32) - 977
"""The prime of secp256k1's field (SEC 2)."""
_EVEN: Final = 2


def scripts_of(public_key: str) -> frozenset[bytes]:
    """P2PKH (of both encodings of the key), P2WPKH and P2WPKH inside P2SH, for a compressed key in hex."""
    compressed = bytes.fromhex(public_key)
    witness = b"\x00\x14" + _hash160(compressed)
    return frozenset(
        {
            _p2pkh(compressed),
            _p2pkh(_uncompressed(compressed)),
            witness,
            b"\xa9\x14" + _hash160(witness) + b"\x87",
        }
    )


def _p2pkh(key: bytes) -> bytes:
    return b"\x76\xa9\x14" + _hash160(key) + b"\x88\xac"


def _uncompressed(compressed: bytes) -> bytes:
    """Both coordinates of the point: y is a root of x³ + 7, and the first byte says which of the two."""
    x = int.from_bytes(compressed[1:])
    y = pow(x**3 + 7, (_FIELD + 1) // 4, _FIELD)
    if y % 2 != compressed[0] - _EVEN:
        y = _FIELD - y
    return b"\x04" + compressed[1:] + y.to_bytes(32)


def _hash160(data: bytes) -> bytes:
    return hashlib.new("ripemd160", hashlib.sha256(data).digest()).digest()

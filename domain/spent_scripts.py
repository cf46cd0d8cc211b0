"""Which script an input spends, derived from the input alone: for nodes that do not keep what a block spent."""

import hashlib
from collections.abc import Sequence
from typing import Final

_COMPRESSED: Final = 33
_UNCOMPRESSED: Final = 65
_PUSH_MAX: Final = 75
_PUSH_SIZES: Final = {76: 1, 77: 2, 78: 4}
_PROGRAM_LENGTHS: Final = frozenset({22, 34})


def spent_script(signature_script: bytes, witness: Sequence[bytes]) -> bytes | None:
    """The scriptPubKey that this input satisfied; None where an input does not show it, as with Taproot.

    Every form that hashes a key or a script shows what was hashed (BIP 16, BIP 141).
    """
    pushed = _pushes(signature_script)
    if pushed is None:
        return None
    if witness and not pushed:
        return _witness_script(witness)
    if witness and len(pushed) == 1 and len(pushed[0]) in _PROGRAM_LENGTHS and pushed[0][:1] == b"\0":
        return b"\xa9\x14" + _hash160(pushed[0]) + b"\x87"
    if witness or len(pushed) <= 1:
        return None
    if len(pushed) == 2 and _is_key(pushed[1]):  # noqa: PLR2004 - a signature and its key
        return b"\x76\xa9\x14" + _hash160(pushed[1]) + b"\x88\xac"
    return b"\xa9\x14" + _hash160(pushed[-1]) + b"\x87"


def _witness_script(witness: Sequence[bytes]) -> bytes | None:
    last = witness[-1]
    if len(witness) == 2 and len(last) == _COMPRESSED and _is_key(last):  # noqa: PLR2004 - as above
        return b"\x00\x14" + _hash160(last)
    # Taproot: one signature, an annex, or a control block, whose first byte no script of practice begins with.
    if len(witness) == 1 or last[:1] >= b"\xc0" or not last:
        return None
    return b"\x00\x20" + hashlib.sha256(last).digest()


def _is_key(data: bytes) -> bool:
    return (len(data) == _COMPRESSED and data[0] in {2, 3}) or (len(data) == _UNCOMPRESSED and data[0] == 4)  # noqa: PLR2004 - SEC 1


def _pushes(script: bytes) -> list[bytes] | None:
    """What a script pushes, in order; None when it is cut short or does anything else."""
    found, place = [], 0
    while place < len(script):
        size, width = script[place], 0
        if size > _PUSH_MAX:
            width = _PUSH_SIZES.get(size, -1)
            if width < 0:
                if size in range(79, 97):  # OP_1NEGATE and small numbers
                    found.append(b"")
                    place += 1
                    continue
                return None
            size = int.from_bytes(script[place + 1 : place + 1 + width], "little")
        place += 1 + width
        if place + size > len(script):
            return None
        found.append(script[place : place + size])
        place += size
    return found


def _hash160(data: bytes) -> bytes:
    return hashlib.new("ripemd160", hashlib.sha256(data).digest()).digest()

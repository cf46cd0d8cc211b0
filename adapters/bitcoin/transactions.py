"""Unsigned transactions as bytes, for what `createrawtransaction` cannot express: two payments to one address."""

import struct
from collections.abc import Sequence
from typing import Final

from domain.chain_facts import OutPoint

_VERSION: Final = 2
_REPLACEABLE_SEQUENCE: Final = 0xFFFFFFFD
"""BIP-125: the input may be replaced, and no relative lock time applies."""


def unsigned_transaction(inputs: Sequence[OutPoint], outputs: Sequence[tuple[bytes, int]]) -> str:
    """The hex of a replaceable transaction without signatures; outputs are (scriptPubKey, amount_minor)."""
    parts = [struct.pack("<I", _VERSION), _compact_size(len(inputs))]
    for spent in inputs:
        parts.append(bytes.fromhex(spent.txid)[::-1] + struct.pack("<I", spent.vout))
        parts.append(_compact_size(0) + struct.pack("<I", _REPLACEABLE_SEQUENCE))
    parts.append(_compact_size(len(outputs)))
    for script, amount_minor in outputs:
        parts.append(struct.pack("<q", amount_minor) + _compact_size(len(script)) + script)
    parts.append(struct.pack("<I", 0))
    return b"".join(parts).hex()


def _compact_size(number: int) -> bytes:
    """A count as the protocol spells it: one, three or five bytes."""
    if number < 0xFD:  # noqa: PLR2004 - the first of the protocol's markers
        return bytes([number])
    if number <= 0xFFFF:  # noqa: PLR2004 - what two bytes hold
        return b"\xfd" + struct.pack("<H", number)
    return b"\xfe" + struct.pack("<I", number)

"""Ethereum's encodings: RLP (yellow paper, appendix B) and the few ERC-20 calls that are made here."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from domain.errors import ensure

Item: TypeAlias = "bytes | Sequence[Item]"

WORD: Final = 32
TRANSFER: Final = bytes.fromhex("a9059cbb")
"""transfer(address,uint256)"""
BALANCE_OF: Final = bytes.fromhex("70a08231")
"""balanceOf(address)"""
L1_FEE: Final = bytes.fromhex("49948e0e")
"""getL1Fee(bytes), of the OP stack's GasPriceOracle"""
TRANSFER_TOPIC: Final = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""Transfer(address,address,uint256)"""
_SHORT_MAX: Final = 55
_STRING: Final = 0x80
_LIST: Final = 0xC0


def rlp(item: Item) -> bytes:
    """One item in RLP."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < _STRING:
            return item
        return _head(len(item), _STRING) + item
    payload = b"".join(rlp(part) for part in item)
    return _head(len(payload), _LIST) + payload


def unrlp(data: bytes) -> Item:
    """The reverse of `rlp`. Raises ValueError for anything that is not exactly one item."""
    item, rest = _item(data)
    if rest:
        raise ValueError("there is something behind the item")
    return item


def number(value: int) -> bytes:
    """A number for RLP: big-endian, without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8)


def transfer_data(recipient: bytes, amount_minor: int) -> bytes:
    """The call data of ERC-20's transfer."""
    return TRANSFER + recipient.rjust(WORD, b"\0") + amount_minor.to_bytes(WORD)


def read_transfer_data(data: bytes) -> tuple[bytes, int]:
    """The reverse of `transfer_data`: (recipient, amount)."""
    ensure(len(data) == len(TRANSFER) + 2 * WORD and data.startswith(TRANSFER), "the call is a token transfer")
    return data[4 + 12 : 4 + WORD], int.from_bytes(data[4 + WORD :])


def balance_data(holder: bytes) -> bytes:
    """The call data of ERC-20's balanceOf."""
    return BALANCE_OF + holder.rjust(WORD, b"\0")


def bytes_data(selector: bytes, argument: bytes) -> bytes:
    """The call data of a method whose only argument is `bytes`."""
    padded = argument + b"\0" * (-len(argument) % WORD)
    return selector + WORD.to_bytes(WORD) + len(argument).to_bytes(WORD) + padded


def _head(length: int, offset: int) -> bytes:
    if length <= _SHORT_MAX:
        return bytes([offset + length])
    size = number(length)
    return bytes([offset + _SHORT_MAX + len(size)]) + size


def _item(data: bytes) -> tuple[Item, bytes]:
    if not data:
        raise ValueError("an item is missing")
    head = data[0]
    if head < _STRING:
        return data[:1], data[1:]
    offset = _STRING if head < _LIST else _LIST
    start, length = 1, head - offset
    if length > _SHORT_MAX:
        start += length - _SHORT_MAX
        length = int.from_bytes(data[1:start])
    payload, rest = data[start : start + length], data[start + length :]
    if len(payload) != length:
        raise ValueError("an item is cut short")
    if offset == _STRING:
        return payload, rest
    parts: list[Item] = []
    while payload:
        part, payload = _item(payload)
        parts.append(part)
    return parts, rest

"""Bitcoin's serialisation: compact sizes, strings, hashes and script pushes."""

import hashlib
from typing import Final

from auth.signature_refusals import MalformedSignature

_TWO_BYTES: Final = 0xFD
_FOUR_BYTES: Final = 0xFE
_WIDTHS: Final = {_TWO_BYTES: 2, _FOUR_BYTES: 4, 0xFF: 8}
_DIRECT_PUSH_MAX: Final = 75
_PUSH_ONE_BYTE: Final = 0x4C
_PUSH_TWO_BYTES: Final = 0x4D


class Reader:
    """Reads bytes from the front; every read raises MalformedSignature where too few are left."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._place = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._raw) - self._place

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size > self.left:
            raise MalformedSignature("the proof is cut short")
        self._place += size
        return self._raw[self._place - size : self._place]

    def number(self, size: int) -> int:
        """The next `size` bytes as an unsigned little-endian number."""
        return int.from_bytes(self.take(size), "little")

    def count(self) -> int:
        """A compact size in its shortest encoding."""
        marker = self.number(1)
        if marker not in _WIDTHS:
            return marker
        number = self.number(_WIDTHS[marker])
        if compact_size(number)[0] != marker:
            raise MalformedSignature("the proof spells a count longer than it need be")
        return number

    def string(self) -> bytes:
        """A compact size and as many bytes."""
        return self.take(self.count())

    def end(self) -> None:
        """Check that nothing follows."""
        if self.left:
            raise MalformedSignature("the proof has something after its end")


def compact_size(number: int) -> bytes:
    """A compact size: one, three, five or nine bytes."""
    if number < _TWO_BYTES:
        return bytes([number])
    for marker, size in _WIDTHS.items():
        if number < 1 << 8 * size:
            return bytes([marker]) + number.to_bytes(size, "little")
    raise OverflowError(number)


def string(raw: bytes) -> bytes:
    """The bytes with their compact size in front."""
    return compact_size(len(raw)) + raw


def push(raw: bytes) -> bytes:
    """The script that pushes these bytes."""
    if len(raw) <= _DIRECT_PUSH_MAX:
        return bytes([len(raw)]) + raw
    if len(raw) <= 0xFF:  # noqa: PLR2004 - what one byte holds
        return bytes([_PUSH_ONE_BYTE, len(raw)]) + raw
    return bytes([_PUSH_TWO_BYTES]) + len(raw).to_bytes(2, "little") + raw


def sha256(raw: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(raw).digest()


def hash256(raw: bytes) -> bytes:
    """SHA-256, twice."""
    return sha256(sha256(raw))


def hash160(raw: bytes) -> bytes:
    """RIPEMD-160 of SHA-256."""
    return hashlib.new("ripemd160", sha256(raw)).digest()


def tagged_hash(tag: str, raw: bytes) -> bytes:
    """BIP-340's tagged hash."""
    prefix = sha256(tag.encode())
    return sha256(prefix + prefix + raw)

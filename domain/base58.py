"""Base58: bytes in letters that cannot be confused, and with a four-byte double-SHA-256 checksum (Base58Check)."""

import hashlib
from typing import Final

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PLACE: Final = {letter: place for place, letter in enumerate(_ALPHABET)}
_CHECKSUM_SIZE: Final = 4
_TEXT_LENGTH_MAX: Final = 128


def encode_base58check(payload: bytes) -> str:
    """Spell the payload followed by its checksum."""
    return encode_base58(payload + _checksum(payload))


def encode_base58(raw: bytes) -> str:
    """Spell bytes without any checksum."""
    number = int.from_bytes(raw)
    letters = []
    while number:
        number, place = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[place])
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    return _ALPHABET[0] * zeros + "".join(reversed(letters))


def decode_base58check(text: str) -> bytes:
    """The payload without its checksum. Raises ValueError, whose words can be shown to the person who typed it."""
    raw = decode_base58(text)
    payload, checksum = raw[:-_CHECKSUM_SIZE], raw[-_CHECKSUM_SIZE:]
    if len(raw) <= _CHECKSUM_SIZE or _checksum(payload) != checksum:
        raise ValueError("has a wrong checksum: a character is mistyped or missing")
    return payload


def decode_base58(text: str) -> bytes:
    """The bytes that a text without checksum spells. Raises ValueError, in words for the person who typed it."""
    if len(text) > _TEXT_LENGTH_MAX:
        raise ValueError("is too long for an address")
    number = 0
    for letter in text:
        place = _PLACE.get(letter)
        if place is None:
            raise ValueError("is not an address: it holds characters that no address has")
        number = number * len(_ALPHABET) + place
    zeros = len(text) - len(text.lstrip(_ALPHABET[0]))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)


def _checksum(payload: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:_CHECKSUM_SIZE]

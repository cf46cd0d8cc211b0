"""The checksum of output descriptors (BIP-380): eight characters that reveal any few mistyped ones."""

from typing import Final

CHECKSUM_LENGTH: Final = 8
# Ordered so that changes of case and of neighbouring characters are what the code tells apart best.
_INPUT: Final = (
    "0123456789()[],'/*abcdefgh@:$%{}"
    "IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~"
    'ijklmnopqrstuvwxyzABCDEFGH`#"\\ '
)  # fmt: skip
_PLACE: Final = {character: place for place, character in enumerate(_INPUT)}
_OUTPUT: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS: Final = (0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)
_GROUP_SIZE: Final = 3
_HIGH_BITS: Final = 35


def checksum_of(body: str) -> str:
    """The checksum of a descriptor's text, itself without one. Raises ValueError for characters that none has."""
    remainder = 1
    classes: list[int] = []
    for character in body:
        place = _PLACE.get(character)
        if place is None:
            raise ValueError("holds a character that no descriptor has")
        remainder = _step(remainder, place & 31)
        classes.append(place >> 5)
        if len(classes) == _GROUP_SIZE:
            remainder = _step(remainder, classes[0] * 9 + classes[1] * 3 + classes[2])
            classes = []
    if classes:
        rest = 0
        for value in classes:
            rest = rest * 3 + value
        remainder = _step(remainder, rest)
    for _ in range(CHECKSUM_LENGTH):
        remainder = _step(remainder, 0)
    remainder ^= 1
    return "".join(_OUTPUT[remainder >> 5 * (CHECKSUM_LENGTH - 1 - place) & 31] for place in range(CHECKSUM_LENGTH))


def _step(remainder: int, value: int) -> int:
    """Take one more symbol into the remainder of the code's polynomial over GF(32)."""
    top = remainder >> _HIGH_BITS
    remainder = (remainder & ((1 << _HIGH_BITS) - 1)) << 5 ^ value
    for place, generator in enumerate(_GENERATORS):
        if top >> place & 1:
            remainder ^= generator
    return remainder

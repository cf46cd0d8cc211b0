"""Bech32 and Bech32m (BIP-173, BIP-350): the spelling of segregated-witness addresses."""

from collections.abc import Iterable
from typing import Final

_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_PLACE: Final = {letter: place for place, letter in enumerate(_ALPHABET)}
_GENERATORS: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_LENGTH: Final = 6
_TEXT_LENGTH_MAX: Final = 90
_BECH32: Final = 1
_BECH32M: Final = 0x2BC830A3
_PROGRAM_SIZES: Final = range(2, 41)
_PROGRAM_SIZES_V0: Final = (20, 32)
_VERSION_MAX: Final = 16
_BYTE_BITS: Final = 8
_LETTER_BITS: Final = 5


def hrp_of(text: str) -> str | None:
    """What comes before the last "1", in lower case, if the text could be bech32 at all; nothing is checked yet."""
    head, separator, _ = text.rpartition("1")
    return head.lower() if separator and head else None


def encode_segwit(hrp: str, version: int, program: bytes) -> str:
    """Spell a witness program: version 0 in Bech32, later ones in Bech32m."""
    values = [version, *_regroup(program, _BYTE_BITS, _LETTER_BITS, pad=True)]
    return _encode(hrp, values, _BECH32 if version == 0 else _BECH32M)


def encode_bech32(hrp: str, data: bytes) -> str:
    """Spell any bytes in Bech32, without the limit that addresses have: as LNURL does (LUD-01)."""
    return _encode(hrp, _regroup(data, _BYTE_BITS, _LETTER_BITS, pad=True), _BECH32)


def _encode(hrp: str, values: list[int], constant: int) -> str:
    rest = _polymod([*_expand(hrp), *values, *([0] * _CHECKSUM_LENGTH)]) ^ constant
    checksum = [rest >> _LETTER_BITS * (_CHECKSUM_LENGTH - 1 - place) & 31 for place in range(_CHECKSUM_LENGTH)]
    return f"{hrp}1" + "".join(_ALPHABET[value] for value in (*values, *checksum))


def decode_segwit(hrp: str, text: str) -> tuple[int, bytes]:
    """The witness version and program. Raises ValueError, whose words can be shown to the person who typed it."""
    constant, values = _decode(hrp, text)
    if not values:
        raise ValueError("holds nothing")
    version, program = values[0], bytes(_regroup(values[1:], _LETTER_BITS, _BYTE_BITS, pad=False))
    if version > _VERSION_MAX:
        raise ValueError("has an impossible witness version")
    if constant != (_BECH32 if version == 0 else _BECH32M):
        raise ValueError("has the checksum of another witness version")
    if len(program) not in (_PROGRAM_SIZES_V0 if version == 0 else _PROGRAM_SIZES):
        raise ValueError("has the wrong length for an address")
    return version, program


def _decode(hrp: str, text: str) -> tuple[int, list[int]]:
    if len(text) > _TEXT_LENGTH_MAX:
        raise ValueError("is too long for an address")
    if text.lower() != text and text.upper() != text:
        raise ValueError("mixes upper and lower case")
    head, _, letters = text.lower().rpartition("1")
    if head != hrp or len(letters) < _CHECKSUM_LENGTH or not all(letter in _PLACE for letter in letters):
        raise ValueError("is not an address: it holds characters that no address has, or is cut short")
    values = [_PLACE[letter] for letter in letters]
    constant = _polymod([*_expand(hrp), *values])
    if constant not in {_BECH32, _BECH32M}:
        raise ValueError("has a wrong checksum: a character is mistyped or missing")
    return constant, values[:-_CHECKSUM_LENGTH]


def _expand(hrp: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in hrp), 0, *(ord(letter) & 31 for letter in hrp)]


def _polymod(values: Iterable[int]) -> int:
    """The remainder of the checksum's polynomial over GF(32), as BIP-173 defines it."""
    remainder = 1
    for value in values:
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATORS):
            if top >> place & 1:
                remainder ^= generator
    return remainder


def _regroup(values: Iterable[int], from_bits: int, to_bits: int, *, pad: bool) -> list[int]:
    """Cut a stream of bits into other group sizes; without `pad`, left-over bits must be few and zero."""
    pending = bits = 0
    groups = []
    for value in values:
        pending, bits = pending << from_bits | value, bits + from_bits
        while bits >= to_bits:
            bits -= to_bits
            groups.append(pending >> bits)
            pending &= (1 << bits) - 1
    if pad and bits:
        groups.append(pending << (to_bits - bits))
    elif not pad and (bits >= from_bits or pending):
        raise ValueError("is cut in the wrong place")
    return groups

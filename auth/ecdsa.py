"""The two encodings of an ECDSA signature on secp256k1, read strictly, and its low-S form."""

from typing import Final

ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""The order of the curve's group (SEC 2)."""
SIGNATURE_SIZE: Final = 64
_HALF: Final = 32
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_SIGN_BIT: Final = 0x80
_HEADER_SIZE: Final = 2


def read_compact(raw: bytes) -> tuple[int, int]:
    """R and s from 64 bytes. Raises ValueError."""
    if len(raw) != SIGNATURE_SIZE:
        raise ValueError("a compact signature has 64 bytes")
    return _in_range(int.from_bytes(raw[:_HALF]), int.from_bytes(raw[_HALF:]))


def read_der(raw: bytes) -> tuple[int, int]:
    """R and s from DER, in the one encoding that BIP-66 allows. Raises ValueError."""
    if len(raw) < _HEADER_SIZE or raw[0] != _SEQUENCE or raw[1] != len(raw) - _HEADER_SIZE:
        raise ValueError("the signature is neither DER nor 64 bytes")
    r, rest = _integer(raw[_HEADER_SIZE:])
    s, rest = _integer(rest)
    if rest:
        raise ValueError("the DER signature has something after its end")
    return _in_range(r, s)


def low_s(r: int, s: int) -> tuple[int, int]:
    """The same signature with the lower of s and its negative, which is what libraries accept."""
    return r, min(s, ORDER - s)


def der_of(r: int, s: int) -> bytes:
    """The DER encoding."""
    body = b""
    for number in (r, s):
        digits = number.to_bytes(number.bit_length() // 8 + 1)  # room for a zero where the first bit is set
        body += bytes([_INTEGER, len(digits)]) + digits
    return bytes([_SEQUENCE, len(body)]) + body


def _integer(raw: bytes) -> tuple[int, bytes]:
    if len(raw) < _HEADER_SIZE or raw[0] != _INTEGER:
        raise ValueError("the DER signature does not hold two numbers")
    digits = raw[_HEADER_SIZE : _HEADER_SIZE + raw[1]]
    if len(digits) != raw[1] or not digits or digits[0] & _SIGN_BIT:
        raise ValueError("the DER signature is cut short, or holds a negative number")
    if len(digits) > 1 and digits[0] == 0 and not digits[1] & _SIGN_BIT:
        raise ValueError("the DER signature pads a number for no reason")
    return int.from_bytes(digits), raw[_HEADER_SIZE + raw[1] :]


def _in_range(r: int, s: int) -> tuple[int, int]:
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise ValueError("the signature's numbers are out of range")
    return r, s

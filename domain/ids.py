"""Identifiers: time-ordered UUIDs for rows, and a short form that a person can read out."""

import secrets
import time
from uuid import UUID

# Crockford's base 32: no I, L, O or U, so that it survives a telephone.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_MISREAD = str.maketrans("oil", "011")
SHORT_ID_LENGTH = 10


def new_id() -> UUID:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then randomness, so that rows insert in order."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def read_short_id(text: str) -> str | None:
    """A short id as somebody wrote it down: in either case, with letters that look like digits. None if it is none."""
    spelled = text.strip().lower().translate(_MISREAD)
    return spelled if len(spelled) == SHORT_ID_LENGTH and set(spelled) <= set(_ALPHABET) else None


def short_id(identifier: UUID) -> str:
    """Ten base-32 characters from the random tail of a version 7 UUID: 50 bits, unique by constraint where stored."""
    tail = identifier.int & ((1 << 5 * SHORT_ID_LENGTH) - 1)
    return "".join(_ALPHABET[tail >> 5 * place & 31] for place in reversed(range(SHORT_ID_LENGTH)))

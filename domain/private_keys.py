"""Recognise private keys, mistyped ones included, so that none is stored or shown by mistake."""

import re
from typing import Final

from domain.base58 import decode_base58check

EXTENDED_SIZE: Final = 78
"""Bytes in an extended key (BIP-32), public or private."""
_KEY_OFFSET: Final = 45
_WORD: Final = re.compile(r"[0-9A-Za-z]+")
_PREFIX: Final = re.compile(r"[A-Za-z]prv|[A-Za-z]tpv")
_WIF_LENGTHS: Final = frozenset({51, 52})


def holds_private_key(text: str) -> bool:
    """Whether any word of the text could be an extended private key (BIP-32) or one as wallets export it (WIF)."""
    return any(_is_private(word) for word in _WORD.findall(text))


def base58_payload(word: str) -> bytes:
    """What Base58Check holds; nothing when it is not that."""
    try:
        return decode_base58check(word)
    except ValueError:
        return b""


def _is_private(word: str) -> bool:
    # No public key, address or fingerprint has the length of an exported key or the prefix of an extended private one.
    if _PREFIX.match(word) or len(word) in _WIF_LENGTHS:
        return True
    raw = base58_payload(word)
    return len(raw) == EXTENDED_SIZE and raw[_KEY_OFFSET] == 0

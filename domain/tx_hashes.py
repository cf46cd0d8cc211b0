"""The spellings of transaction hashes: 32 bytes in hexadecimal nearly everywhere, with 0x before them or without."""

import re
from typing import Final

from domain.rail_rows import HashSpelling

_HEX_HASH: Final = re.compile(r"(?:0x)?[0-9a-fA-F]{64}", re.ASCII)


def _bare(text: str) -> str | None:
    return text.removeprefix("0x").lower() if _HEX_HASH.fullmatch(text) else None


def _prefixed(text: str) -> str | None:
    return "0x" + text.removeprefix("0x").lower() if _HEX_HASH.fullmatch(text) else None


BARE_HEX: Final = HashSpelling(_bare, "01" * 32)
PREFIXED_HEX: Final = HashSpelling(_prefixed, "0x" + "01" * 32)

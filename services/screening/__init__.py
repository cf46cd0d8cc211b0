"""Whose money is taken in: the list, and what each rail demands before it credits."""

from services.screening.gate import MODES, TELLING, NotScreenable, may_be_credited, mode_of, modes, released, set_mode
from services.screening.listing import (
    SpellingRefused,
    hits,
    listed,
    put_on,
    put_on_many,
    spelled,
    spelled_by_node,
    take_off,
)

__all__ = [
    "MODES",
    "TELLING",
    "NotScreenable",
    "SpellingRefused",
    "hits",
    "listed",
    "may_be_credited",
    "mode_of",
    "modes",
    "put_on",
    "put_on_many",
    "released",
    "set_mode",
    "spelled",
    "spelled_by_node",
    "take_off",
]

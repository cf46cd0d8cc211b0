"""Whose payments are accepted: a list of refused senders, and what each rail demands before crediting."""

from services.screening.gate import MODES, NotScreenable, may_be_credited, mode_of, modes, released, set_mode
from services.screening.listing import (
    SpellingRefused,
    counts,
    hits,
    listed,
    put_on,
    put_on_many,
    spelled,
    spelled_by_node,
    take_off,
)
from services.screening.sheet import COLUMNS, read_sheet

__all__ = [
    "COLUMNS",
    "MODES",
    "NotScreenable",
    "SpellingRefused",
    "counts",
    "hits",
    "listed",
    "may_be_credited",
    "mode_of",
    "modes",
    "put_on",
    "put_on_many",
    "read_sheet",
    "released",
    "set_mode",
    "spelled",
    "spelled_by_node",
    "take_off",
]

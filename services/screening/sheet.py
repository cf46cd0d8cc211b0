"""Read a list of addresses from CSV."""

import csv
from collections.abc import Iterable
from typing import Final

from services.screening.listing import SpellingRefused

COLUMNS: Final = ("chain", "address", "reason")


def read_sheet(lines: Iterable[str]) -> list[tuple[str, str, str]]:
    """The (rail, address, reason) triples of a CSV with these columns, in any order and among others.

    Raises SpellingRefused when there are no such columns, or a line is short of one of them.
    """
    reader = csv.DictReader(lines, strict=True)
    try:
        if not set(COLUMNS) <= set(reader.fieldnames or ()):
            raise SpellingRefused(f"the first line has to name the columns {', '.join(COLUMNS)}")
        found = []
        for row in reader:
            values = [(row[column] or "").strip() for column in COLUMNS]
            if not all(values):
                raise SpellingRefused(f"line {reader.line_num} has no {COLUMNS[values.index('')]}")
            found.append((values[0], values[1], values[2]))
    except csv.Error as error:
        raise SpellingRefused(f"line {reader.line_num} is not CSV: {error}") from error
    return found

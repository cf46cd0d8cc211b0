"""Prepared statements that answer the questions of one moment together, each with its own rows."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine

from models.prepared import Prepared, Rows
from models.together import Everywhere


class Many:
    """A look-up that a process carries out for all who ask at the same moment: see `Together`."""

    def __init__(self, name: str, types: str, statement: str) -> None:
        """Each parameter is an array, of one value for each question; `types` are the arrays', separated by commas.

        The first column of every row is the place of its question among them, from 1.
        """
        self._statement = Prepared(name, types, statement)
        self._together = Everywhere(self._found)

    def rows(self, engine: Engine, *question: object) -> Rows:
        """The rows of this question, without their first column. Raises SQLAlchemy's DBAPIError."""
        return self._together(engine, question)

    def _found(self, engine: Engine, questions: Sequence[tuple[object, ...]]) -> Sequence[Rows]:
        found: list[list[tuple[Any, ...]]] = [[] for _ in questions]
        for place, *row in self._statement.alone(engine, *map(array, zip(*questions, strict=True))):
            found[place - 1].append(tuple(row))
        return found


def array(values: Iterable[object]) -> str:
    """An array literal of texts, UUIDs or numbers: one string, which PostgreSQL reads as whatever its elements are."""
    return "{" + ",".join([_element(str(value)) for value in values]) + "}"


def _element(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

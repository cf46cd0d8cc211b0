"""Prepared statements that a process carries out for all who ask at one moment together, each with its own rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from models.prepared import Prepared, Rows
from models.together import Everywhere

Question = tuple[object, ...]
# The class of what a server says as it goes away. Whether the broken connection or this is seen first is chance.
_SERVER_ENDS: Final = "57P"


class Many:
    """A look-up that a process carries out for all who ask at the same moment: see `Together`."""

    def __init__(self, name: str, types: str, statement: str) -> None:
        """Each parameter is an array, of one value for each question; `types` are the arrays', separated by commas.

        The first column of every row is the place of its question among them, from 1.
        """
        self._statement = Prepared(name, types, statement)
        self._together: Everywhere[Question, Rows | DBAPIError] = Everywhere(self._found)

    def rows(self, engine: Engine, *question: object) -> Rows:
        """The rows of this question, without their first column. Raises SQLAlchemy's DBAPIError."""
        found = self._together(engine, question)
        if isinstance(found, DBAPIError):
            raise found
        return found

    def _found(self, engine: Engine, questions: Sequence[Question]) -> Sequence[Rows | DBAPIError]:
        found: list[list[tuple[Any, ...]]] = [[] for _ in questions]
        for place, *row in self._statement.alone(engine, *map(array, zip(*questions, strict=True))):
            found[place - 1].append(tuple(row))
        return found


class Jointly(Many):
    """A decision that a process carries out for all who come to it at the same moment, in one transaction.

    If PostgreSQL refuses it, which may be for the sake of one, nothing has happened and each is carried out by itself.
    If nobody knows whether it happened, because the connection broke, everybody is told so and nothing is repeated.
    """

    def _found(self, engine: Engine, questions: Sequence[Question]) -> Sequence[Rows | DBAPIError]:
        try:
            return super()._found(engine, questions)
        except DBAPIError as fault:
            code = getattr(fault.orig, "pgcode", None)
            if code is not None and not code.startswith(_SERVER_ENDS):
                raise
            return [fault] * len(questions)


def shown(columns: Mapping[str, str]) -> str:
    """SQL for the questions as rows: with these columns, of the types that they are given, and `place`."""
    numbers = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return f"unnest({numbers}) WITH ORDINALITY AS shown ({', '.join(columns)}, place)"


def types(columns: Mapping[str, str]) -> str:
    """The types of the parameters of `shown`, as `Many` takes them."""
    return ", ".join(f"{of_type}[]" for of_type in columns.values())


def array(values: Iterable[object]) -> str:
    """An array literal of plain values or None: one string, which PostgreSQL reads as whatever its elements are."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    text = f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

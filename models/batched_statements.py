"""Batched prepared statements: one execution for all simultaneous callers of a process, each with its own rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from models.batching import EngineBatcher
from models.prepared import Prepared, Rows

Question = tuple[object, ...]
# The SQLSTATE class of a server that shuts down. Whether this or the broken connection is seen first is chance.
_SERVER_ENDS: Final = "57P"


class BatchedQuery:
    """A look-up that is batched for simultaneous callers: see `Batcher`."""

    def __init__(self, name: str, types: str, statement: str) -> None:
        """Each parameter is an array with one value per caller; `types` are the array types, separated by commas.

        The first column of every row is the number of its caller, from 1.
        """
        self._statement = Prepared(name, types, statement)
        self._batcher: EngineBatcher[Question, Rows | DBAPIError] = EngineBatcher(self._found)

    def rows(self, engine: Engine, *question: object) -> Rows:
        """The rows of this caller, without their first column. Raises SQLAlchemy's DBAPIError."""
        found = self._batcher(engine, question)
        if isinstance(found, DBAPIError):
            raise found
        return found

    def _found(self, engine: Engine, questions: Sequence[Question]) -> Sequence[Rows | DBAPIError]:
        found: list[list[tuple[Any, ...]]] = [[] for _ in questions]
        for place, *row in self._statement.alone(engine, *map(array, zip(*questions, strict=True))):
            found[place - 1].append(tuple(row))
        return found


class BatchedWrite(BatchedQuery):
    """A write that is batched for simultaneous callers, in one transaction.

    If PostgreSQL refuses it, which may be the fault of one caller, nothing is written and each is executed by itself.
    If the connection broke, so that the outcome is unknown, every caller gets the error and nothing is repeated.
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
    """SQL for the callers' values as rows, with these columns and types, and `place`."""
    numbers = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    return f"unnest({numbers}) WITH ORDINALITY AS shown ({', '.join(columns)}, place)"


def types(columns: Mapping[str, str]) -> str:
    """The types of the parameters of `shown`, for `BatchedQuery`."""
    return ", ".join(f"{of_type}[]" for of_type in columns.values())


def array(values: Iterable[object]) -> str:
    """An array literal of plain values or None, which PostgreSQL reads as an array of any type."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    text = f"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

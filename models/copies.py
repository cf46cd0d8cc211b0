"""Read-only copies of model objects, built from the rows of prepared statements."""

from collections.abc import Sequence
from typing import Any

from models.base import Base


def columns(**tables: type[Base]) -> str:
    """Every column of these tables, each under its alias in the statement, in the order that `copies` takes."""
    return ", ".join(f"{alias}.{name}" for alias, table in tables.items() for name in _names(table))


def copies(row: Sequence[Any], *tables: type[Base]) -> list[Any]:
    """One object of each table from such a row, in their order; they are in no session."""
    values = map(_plain, row)
    return [table(**dict(zip(_names(table), values, strict=False))) for table in tables]


def _names(table: type[Base]) -> list[str]:
    return table.__table__.columns.keys()


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value

"""Delete expired rows in bounded batches."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, CursorResult, Delete, any_, delete, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.base import Base

AT_ONCE: Final = 5_000
"""The most rows of one statement, so that it ends soon however many there are."""


def some(session: Session, kind: type[Base], *which: ColumnElement[bool], at_once: int = AT_ONCE) -> int:
    """Delete at most `at_once` rows of one table for which all of `which` holds; returns how many.

    Fewer means that there are no more, or that another process deletes them too.
    """
    gone: CursorResult[Any] = session.execute(_drop(kind, which, at_once))  # type: ignore[assignment]  # a DELETE's
    return gone.rowcount


def taken(
    session: Session,
    kind: type[Base],
    column: InstrumentedAttribute[Any],
    *which: ColumnElement[bool],
    at_once: int = AT_ONCE,
) -> list[Any]:
    """Delete as `some` does; returns that column of each deleted row."""
    return list(session.scalars(_drop(kind, which, at_once).returning(column)))


def _drop(kind: type[Base], which: Sequence[ColumnElement[bool]], at_once: int) -> Delete:
    """Find the rows once, in a subquery that is run first, and delete them by their physical place.

    With keys instead, the planner may repeat the subquery for every row where it estimates that none has expired.
    """
    place: ColumnElement[Any] = literal_column(f"{kind.__tablename__}.ctid")
    found = select(place).select_from(kind).where(*which).limit(at_once).scalar_subquery()
    # Checked again under the lock, since the row may have changed.
    fits = (place == any_(func.array(found)), *which)
    return delete(kind).where(*fits).execution_options(synchronize_session=False)

"""Delete expired rows in bounded batches."""

from typing import Any, Final

from sqlalchemy import ColumnElement, CursorResult, delete, inspect, select, tuple_
from sqlalchemy.orm import Session

from models.base import Base

AT_ONCE: Final = 5_000
"""The most rows of one statement, so that it ends soon however many there are."""


def some(session: Session, kind: type[Base], *which: ColumnElement[bool], at_once: int = AT_ONCE) -> int:
    """Delete at most `at_once` rows of one table for which all of `which` holds; returns how many.

    Fewer means that there are no more, or that another process deletes them too.
    """
    key = inspect(kind).primary_key
    found = select(*key).where(*which).limit(at_once)
    # Checked again under the lock, since the row may have changed.
    gone: CursorResult[Any] = session.execute(  # type: ignore[assignment]  # what a DELETE gives
        delete(kind).where(tuple_(*key).in_(found), *which).execution_options(synchronize_session=False)
    )
    return gone.rowcount

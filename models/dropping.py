"""Drop rows that nobody needs any more, a bounded number at a time."""

from typing import Any, Final

from sqlalchemy import ColumnElement, CursorResult, delete, inspect, select, tuple_
from sqlalchemy.orm import Session

from models.base import Base

AT_ONCE: Final = 5_000
"""Few enough for one statement to be over soon, however many rows were left lying."""


def some(session: Session, kind: type[Base], *which: ColumnElement[bool], at_once: int = AT_ONCE) -> int:
    """Delete rows of one kind for which all of `which` holds, `at_once` at most; returns how many.

    Fewer than that means that there are no more, or that somebody else drops them too.
    """
    key = inspect(kind).primary_key
    found = select(*key).where(*which).limit(at_once)
    # Asked of the row once more, for somebody may have changed it since it was found.
    gone: CursorResult[Any] = session.execute(  # type: ignore[assignment]  # what a DELETE gives
        delete(kind).where(tuple_(*key).in_(found), *which).execution_options(synchronize_session=False)
    )
    return gone.rowcount

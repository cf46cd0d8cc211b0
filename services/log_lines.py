"""Keep warnings and errors for a while, findable by the request or task that logged them."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from models.log_line import KeptLogLine

KEPT: Final = timedelta(days=90)
FORGOTTEN_AT_ONCE: Final = 5_000
SHOWN_MAX: Final = 100


def append(session: Session, lines: Sequence[dict[str, Any]]) -> None:
    """Keep these lines: each has `at`, `correlation_id`, `level`, `logger`, `line`, and further fields in `said`."""
    session.execute(insert(KeptLogLine), list(lines))


def said_for(session: Session, correlation_ids: Collection[str]) -> Sequence[KeptLogLine]:
    """The lines of these requests and tasks, oldest first; 100 at most."""
    if not correlation_ids:
        return []
    return session.scalars(
        select(KeptLogLine)
        .where(KeptLogLine.correlation_id.in_(correlation_ids))
        .order_by(KeptLogLine.id)
        .limit(SHOWN_MAX)
    ).all()


def forget_old(session: Session, *, now: datetime) -> int:
    """Drop some of the lines that are too old; returns how many."""
    # Numbers grow with time, so the first are the oldest.
    first = select(KeptLogLine.id, KeptLogLine.at).order_by(KeptLogLine.id).limit(FORGOTTEN_AT_ONCE).subquery()
    old = select(first.c.id).where(first.c.at < now - KEPT)
    gone = session.execute(
        delete(KeptLogLine)
        .where(KeptLogLine.id.in_(old))
        .returning(KeptLogLine.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())

"""Archive the events of flows that closed long ago: compressed, by month, and shown on the same pages as before."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

KEPT: Final = timedelta(days=90)
"""How long a closed flow's events stay where they were written."""
FLOWS_PER_BATCH: Final = 200
_ARCHIVE: Final = text("SELECT flow_count, event_count FROM flow_events_archive_some(:before, :flows)")


def archive_some(session: Session, *, now: datetime, flows: int = FLOWS_PER_BATCH) -> tuple[int, int]:
    """Move the events of some flows that closed a while ago; returns how many flows and events.

    Goes by whole days, so that there is something to do once a day. Events that a consumer of the log has yet to read
    are left where they are. Safe to run twice, even at once. Raises an error of PostgreSQL, and moves nothing, if a row
    would be lost.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    flow_count, event_count = session.execute(_ARCHIVE, {"before": midnight - KEPT, "flows": flows}).one()
    return int(flow_count), int(event_count)

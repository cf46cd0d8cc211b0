"""Thin old prices out to one per hour."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

KEPT_WHOLE: Final = timedelta(days=30)
BATCH: Final = 5000
_THIN: Final = text("SELECT looked_count, gone_count FROM thin_reference_prices(:before, :batch)")


def thin(session: Session, *, now: datetime) -> tuple[int, int]:
    """Look at the next of what is older than thirty days, and drop all but each source's last word in every hour.

    Returns how many rows were looked at, `BATCH` at most, and how many are gone; fewer than `BATCH` means that there
    are no more. The next call goes on where this one ended. The table is append-only to everybody but the database's
    own function, which refuses the last week whoever asks.
    """
    found = session.execute(_THIN, {"before": now - KEPT_WHOLE, "batch": BATCH}).one()
    return found.looked_count, found.gone_count

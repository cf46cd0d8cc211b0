"""Keep of old prices one an hour."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

KEPT_WHOLE: Final = timedelta(days=30)
BATCH: Final = 5000


def thin(session: Session, *, now: datetime) -> int:
    """Drop some of what is older than thirty days, but each source's last word in every hour; returns how many rows.

    The table is append-only to everybody but the database's own function, which refuses the last week whoever asks.
    Fewer than `BATCH` means that there are no more.
    """
    return int(session.scalar(select(func.thin_reference_prices(now - KEPT_WHOLE, BATCH))) or 0)

"""Readings for operators that belong to no single noun."""

import time
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.ledger import LedgerSeal


class Seal(NamedTuple):
    """The newest seal over the ledger's transfers: the last transfer it covers, and when it was closed."""

    last_id: int
    sealed_at: datetime


def last_seal(session: Session) -> Seal | None:
    """The newest seal over transfers, or None while nothing is sealed."""
    row = session.execute(
        select(LedgerSeal.last_id, LedgerSeal.sealed_at)
        .where(LedgerSeal.subject == "transfers")
        .order_by(LedgerSeal.last_id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Seal(*row)


def database_delay(session: Session) -> timedelta:
    """How long the database takes for the smallest of questions."""
    started = time.monotonic()
    session.execute(text("SELECT 1"))
    return timedelta(seconds=time.monotonic() - started)

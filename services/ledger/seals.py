"""Seals: closing ranges of the ledger's tables into one hash chain, off the path of posting."""

from sqlalchemy import text
from sqlalchemy.orm import Session

ROWS_PER_SEAL = 10_000
_SEAL = text("SELECT ledger_seal(:rows)")


def seal(session: Session, *, rows: int = ROWS_PER_SEAL) -> int:
    """Seal what is certainly complete and note how far the next call may go; returns how many seals were made.

    A row is sealed by the second call after it committed, once every transaction that was open at the first has ended.
    At most 100 seals are made per call. Must come first in its transaction. Safe to run twice, even at once.
    """
    return int(session.execute(_SEAL, {"rows": rows}).scalar_one())

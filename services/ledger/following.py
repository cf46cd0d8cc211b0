"""Follow what is posted: which transfers are new to a reader, never missing one that commits late."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.check import LedgerReader

SPAN_MAX: Final = 10_000
# Numbers are not committed in order, but below the last seal nothing can appear any more.
_ENDS: Final = text(
    """
    SELECT coalesce((SELECT max(id) FROM ledger_transfers), 0) AS newest,
        coalesce((SELECT max(last_id) FROM ledger_seals WHERE subject = 'transfers'), 0) AS sealed
    """
)


@dataclass(frozen=True, slots=True)
class Span:
    """The transfers from `first` to `last`. `is_last` when there are no newer ones yet."""

    first: int
    last: int
    is_last: bool


def next_span(
    session: Session,
    reader: str,
    *,
    now: datetime,
    start: Literal["beginning", "now"] = "beginning",
    after: int | None = None,
) -> Span | None:
    """Take the next transfers that this reader has to look at, in the caller's transaction; None when there are none.

    The reader's place moves with that transaction, and never beyond what is sealed: newer transfers are looked at now
    and again later, because a lower number may be committed in between. So a turn that takes several spans passes the
    end of the last one as `after`. A new reader begins at the first transfer, or with start `now` at the first that is
    not sealed. Two concurrent calls take turns.
    """
    ends = session.execute(_ENDS).one()
    row = _locked(session, reader, ends.sealed if start == "now" else 0, now)
    begins = max(row.transfer_id, after or 0)
    last = min(begins + SPAN_MAX, ends.newest)
    settled = max(row.transfer_id, min(last, ends.sealed))
    if settled != row.transfer_id:
        row.transfer_id, row.moved_at = settled, now
    return Span(begins + 1, last, last == ends.newest) if last > begins else None


def _locked(session: Session, reader: str, begin_at: int, now: datetime) -> LedgerReader:
    row = session.get(LedgerReader, reader, with_for_update=True, populate_existing=True)
    if row is None:
        first = {"name": reader, "transfer_id": begin_at, "moved_at": now}
        session.execute(insert(LedgerReader).values(first).on_conflict_do_nothing())
        row = session.get_one(LedgerReader, reader, with_for_update=True)
    return row

"""Check everything, one slice in each transaction, so that no statement takes long, however large the tables are.

Where the round stands is a row, from which any process goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.check import CheckRound
from services import alerts
from services.checking.reporting import BROKEN, SCOPE, clear_alert, report
from services.invariants import TABLES, Finding, among, next_ids, of_the_house
from services.ledger.verify import RANGED, Altered, altered, altered_seal

NAME: Final = "books"
EVERY: Final = timedelta(days=1)
WHILE_BROKEN: Final = timedelta(minutes=15)
"""How often while the alert stands, so that it ends soon after the damage is repaired."""
SLICE: Final = 5000
SEALS_SLICE: Final = 20
WRITTEN: Final = "the ledger is as it was written"
HOUSE: Final = "the house"
# Seals first: they name the altered row. Then the ledger's rows against each other, and other tables against those.
PARTS: Final = ("ledger_seals", "ledger_transactions", "ledger_transfers", *TABLES, HOUSE)
_NEXT: Final = MappingProxyType(dict(pairwise((*PARTS, None))))


@dataclass(frozen=True, slots=True)
class Turn:
    """One slice that was checked: of which part, how many rows, what is broken, and whether it ended the round."""

    part: str
    rows: int
    findings: Sequence[Finding]
    is_last: bool


def begin(session: Session, *, now: datetime) -> None:
    """Begin a round, even if none is due or one is under way."""
    row = _locked(session)
    if row is None:
        first = {"name": NAME, "part": PARTS[0], "began_at": now, "finding_count": 0}
        session.execute(insert(CheckRound).values(first).on_conflict_do_nothing())
        return
    row.part, row.after, row.began_at, row.finding_count = PARTS[0], None, now, 0


def check_next_slice(session: Session, *, now: datetime) -> Turn | None:
    """Check the next slice and report what is broken; after the last slice, end the alert if nothing was.

    None when no round is under way and none is due. A round is due a day after the last one began, sooner while the
    alert stands. Two concurrent calls take turns.
    """
    row = _locked(session)
    if row is None or (row.part is None and _is_due(session, row, now)):
        begin(session, now=now)
        row = _locked(session)
    if row is None or row.part is None:
        return None
    part, ids, findings = row.part, *_look(session, row)
    report(session, findings, now=now)
    session.refresh(row, ["finding_count"])
    _move_on(row, ids)
    if row.part is None:
        row.ended_at = now
        if not row.finding_count:
            clear_alert(session, since=row.began_at, now=now)
    return Turn(part, len(ids), findings, row.part is None)


def last_ended(session: Session) -> datetime | None:
    """When the last round ended; None if there was none."""
    row = session.get(CheckRound, NAME)
    return None if row is None else row.ended_at


def _locked(session: Session) -> CheckRound | None:
    return session.get(CheckRound, NAME, with_for_update=True, populate_existing=True)


def _is_due(session: Session, row: CheckRound, now: datetime) -> bool:
    age = now - row.began_at
    return age >= EVERY or (age >= WHILE_BROKEN and alerts.stands(session, BROKEN, scope=SCOPE))


def _look(session: Session, row: CheckRound) -> tuple[Sequence[Any], list[Finding]]:
    part = row.part or HOUSE
    if part == HOUSE:
        return (), of_the_house(session)
    after = None if row.after is None else int(row.after) if part.startswith("ledger_") else UUID(row.after)
    ids = next_ids(session, part, after=after, limit=SEALS_SLICE if part == "ledger_seals" else SLICE)
    if not ids:
        return ids, []
    found = among(session, part, ids, occasion="day")
    if part in RANGED or part == "ledger_seals":
        # From right after the last slice, so that nothing between two slices is skipped.
        first = ids[0] if row.after is None else int(row.after) + 1
        wrong = _altered(session, part, first, ids[-1])
        found += [] if wrong is None else [Finding(WRITTEN, str(wrong))]
    return ids, found


def _altered(session: Session, part: str, first: int, last: int) -> Altered | None:
    if part == "ledger_seals":
        return altered_seal(session, first=first, last=last)
    return altered(session, part, first=first, last=last)


def _move_on(row: CheckRound, ids: Sequence[Any]) -> None:
    if ids:
        row.after = str(ids[-1])
    else:
        row.part, row.after = _NEXT[row.part or HOUSE], None

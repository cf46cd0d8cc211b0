"""Check what moved since the last check, so that each minute's check costs what that minute brought.

It finds what a bug breaks, and alterations of recent rows. An older row that somebody altered is found by the check of
everything, or when its account moves again: each entry must follow from the one before it.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from services import event_log
from services.events import FLOW
from services.invariants import ITEMS, Finding, among
from services.ledger.following import Span, next_span
from services.ledger.verify import altered

READER: Final = "check"
CONSUMER: Final = "ledger.check"
STEPS_MAX: Final = 5000
NEWEST: Final = 2000
"""How many of the newest transfers, and of the newest steps of flows, are checked each time for alterations."""
OPEN_MAX: Final = 1000
WRITTEN: Final = "what is posted follows from what was"

_POSTED: Final = text(
    """
    SELECT min(transaction_id) AS first, max(transaction_id) AS last,
        array_agg(DISTINCT debit_account_id) || array_agg(DISTINCT credit_account_id) AS accounts
    FROM ledger_transfers WHERE id BETWEEN :first AND :last
    """
)
_FLOWS_OF: Final = text(
    "SELECT DISTINCT flow_id FROM ledger_transactions WHERE id BETWEEN :first AND :last AND flow_id IS NOT NULL"
)
_FLOWS_AT: Final = text("SELECT DISTINCT group_id FROM flow_events WHERE id = ANY(:ids)")
_NEWEST_FLOWS: Final = text(
    """
    SELECT DISTINCT group_id FROM (SELECT group_id FROM flow_events ORDER BY id DESC LIMIT :newest) AS steps
    UNION SELECT flow_id FROM (
        SELECT flow_id FROM withdrawals WHERE state NOT IN ('completed', 'rejected', 'cancelled', 'failed')
        ORDER BY requested_at DESC LIMIT :open) AS waiting
    """
)
_NEWEST: Final = text("SELECT max(id) FROM ledger_transfers")


def check_posted(session: Session, *, now: datetime, after: int | None = None) -> tuple[Span | None, list[Finding]]:
    """Check the next transfers posted since the last check; returns their span, if any, and what is broken.

    `after` is the end of the previous span of the same turn.
    """
    span = next_span(session, READER, now=now, start="now", after=after)
    return span, _posted(session, span.first, span.last) if span else []


def check_steps(session: Session, *, owner: str, now: datetime) -> tuple[bool, list[Finding]]:
    """Check the next items whose flows took a step; returns whether there were any, and what is broken.

    The event log gives them out, so that none is skipped because it committed late.
    """
    steps = event_log.claim(
        session, CONSUMER, owner=owner, now=now, sources=(FLOW,), limit=STEPS_MAX, shaped=False
    )  # fmt: skip
    if steps is None:
        return False, []
    ids = [int(key) for _, key in steps.keys]
    found = _items(session, session.scalars(_FLOWS_AT, {"ids": ids}).all())
    event_log.advance(session, steps, now=now)
    return True, found


def check_newest(session: Session) -> list[Finding]:
    """Check again what moved last, and open withdrawals: somebody may have altered them since."""
    newest = session.scalar(_NEWEST)
    found = [] if newest is None else _posted(session, max(1, newest - NEWEST + 1), newest)
    flows = session.scalars(_NEWEST_FLOWS, {"newest": NEWEST, "open": OPEN_MAX}).all()
    # What moved by a step and by a transfer would be reported twice.
    return list(dict.fromkeys(found + _items(session, flows)))


def _posted(session: Session, first: int, last: int) -> list[Finding]:
    posted = session.execute(_POSTED, {"first": first, "last": last}).one()
    if posted.first is None:
        return []
    wrong = (
        altered(session, "ledger_transfers", first=first, last=last),
        altered(session, "ledger_transactions", first=posted.first, last=posted.last),
    )
    found = [Finding(WRITTEN, str(row)) for row in wrong if row is not None]
    found += among(session, "ledger_accounts", set(posted.accounts))
    return found + _items(session, session.scalars(_FLOWS_OF, {"first": posted.first, "last": posted.last}).all())


def _items(session: Session, flows: Collection[UUID]) -> list[Finding]:
    """What is broken about the deposits, withdrawals, conversions and sweeps of these flows."""
    found: list[Finding] = []
    for table in ITEMS if flows else ():
        query = text(f"SELECT id FROM {table} WHERE flow_id = ANY(:flows)")  # noqa: S608 - a table of ours
        found += among(session, table, session.scalars(query, {"flows": list(flows)}).all())
    return found

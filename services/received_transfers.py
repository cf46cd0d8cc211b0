"""Add the list entries of received transfers that an older version carried out without writing them."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.ledger.following import Span, next_span

READER: Final = "received"
_LIST: Final = text(
    """
    INSERT INTO received_transfers (user_id, flow_id)
    SELECT DISTINCT account.owner_id, moved.flow_id FROM ledger_transfers AS transfer
    JOIN ledger_transactions AS moved ON moved.id = transfer.transaction_id
    JOIN ledger_accounts AS account ON account.id = transfer.credit_account_id
    WHERE transfer.id BETWEEN :first AND :last AND moved.kind = 'internal_transfer' AND moved.outcome = 'posted'
        AND moved.flow_id IS NOT NULL AND account.code = 'user' AND account.owner_id IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING flow_id
    """
)


def list_missing(session: Session, *, now: datetime, after: int | None = None) -> tuple[Span | None, int]:
    """Add the entries that the next transfers lack; returns the span looked at, if any, and how many were added.

    During a rolling update, the old version writes none. `after` is the end of the previous span of the same turn.
    """
    span = next_span(session, READER, now=now, after=after)
    if span is None:
        return None, 0
    return span, len(session.execute(_LIST, {"first": span.first, "last": span.last}).all())

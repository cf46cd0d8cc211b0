"""List what people were sent for those who carried a transfer out without listing it."""

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
    """Add the lines that are missing for the next transfers; those looked at, if any, and how many were missing.

    A version from before there were these lines may carry transfers out while another is put in its place. `after` is
    the last of the span before it in the same turn.
    """
    span = next_span(session, READER, now=now, after=after)
    if span is None:
        return None, 0
    return span, len(session.execute(_LIST, {"first": span.first, "last": span.last}).all())

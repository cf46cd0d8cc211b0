"""Expired holds: found by a task, released by an ordinary void."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ledger import Outcome, Transaction, Void
from services.ledger.posting import post

_EXPIRED = text(
    """
    SELECT h.id, t.flow_id FROM ledger_transfers AS h JOIN ledger_transactions AS t ON t.id = h.transaction_id
    WHERE h.expires_at <= :now AND NOT EXISTS (SELECT FROM ledger_transfers AS r WHERE r.resolves_id = h.id)
    ORDER BY h.expires_at LIMIT :limit
    """
)


def expire(session: Session, *, now: datetime, limit: int = 500) -> list[Outcome]:
    """Void up to `limit` expired holds. Safe to run twice, even at once: key and resolution are unique.

    A hold that was resolved in between answers `hold_already_resolved`, which is as good.
    """
    expired = session.execute(_EXPIRED, {"now": now, "limit": limit}).all()
    return post(
        session,
        [Transaction(f"hold-expiry:{hold}", "hold_expiry", (Void(hold),), now, flow_id) for hold, flow_id in expired],
    )

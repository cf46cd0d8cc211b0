"""Reversals: a new transaction that undoes an earlier one, once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.errors import ensure
from domain.ledger import Outcome, Transaction, TransactionMissing, Transfer
from services.ledger.posting import post_one

# Shards are addressed by their head account: whichever shard is free takes the money back.
_MOVED = text(
    """
    SELECT coalesce(d.shard_of, d.id) AS debit_account, coalesce(c.shard_of, c.id) AS credit_account, m.amount, m.phase
    FROM ledger_transfers AS m
    JOIN ledger_accounts AS d ON d.id = m.debit_account_id
    JOIN ledger_accounts AS c ON c.id = m.credit_account_id
    WHERE m.transaction_id = :transaction_id ORDER BY m.id DESC
    """
)


def reverse(
    session: Session, transaction_id: int, *, key: str, kind: str, effective_at: datetime, flow_id: UUID | None = None
) -> Outcome:
    """Move back all that a transaction moved, last leg first.

    Raises TransactionMissing (also for a transaction that moved nothing: an open hold is voided, not reversed),
    AlreadyReversed, and InsufficientFunds when what was given has been spent.
    """
    moved = session.execute(_MOVED, {"transaction_id": transaction_id}).all()
    ensure(all(leg.phase != "pending" for leg in moved), "a transaction that holds money is voided, not reversed")
    legs = tuple(
        Transfer(leg.credit_account, leg.debit_account, int(leg.amount))
        for leg in moved
        if leg.phase in {"posted", "post"}
    )
    if not legs:
        raise TransactionMissing
    return post_one(session, Transaction(key, kind, legs, effective_at, flow_id, reverses=transaction_id))

"""Give held funds back to their owners."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from domain.errors import ensure
from domain.ledger import Transaction, Void
from models.withdrawal import Withdrawal
from services import ledger


def release_holds(session: Session, withdrawals: Sequence[Withdrawal], *, reason: str, now: datetime) -> None:
    """Void what these withdrawals hold; `reason` is the state that they are entering."""
    transactions = [
        Transaction(
            key=f"withdrawal:{withdrawal.id}:release",
            kind=f"withdrawal_{reason}",
            legs=tuple(
                Void(hold=hold_id)
                for hold_id in (withdrawal.amount_hold_id, withdrawal.fee_hold_id)
                if hold_id is not None
            ),
            flow_id=withdrawal.flow_id,
            effective_at=now,
        )
        for withdrawal in withdrawals
    ]
    for outcome in ledger.post(session, transactions):
        ensure(outcome.refused is None, f"the ledger refused to release a hold: {outcome.refused}")

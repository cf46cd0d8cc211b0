"""Post the two common cases, one transfer or one account's holds, in one round trip.

The functions in the database return nothing when the case needs a decision; services/ledger/posting.py then makes it.
"""

from collections.abc import Callable
from typing import Any, Final

from domain.ledger import Hold, Outcome, Transaction, Transfer, request_hash
from models.prepared import Prepared, Rows

CarryOut = Callable[[Prepared, tuple[Any, ...]], Rows]
"""Executes a statement with its parameters."""

_TRANSFER: Final = Prepared(
    "ledger_transfer",
    "text, text, uuid, bytea, timestamptz, bigint, bigint, numeric",
    "SELECT transaction_id, transfer_id FROM ledger_transfer($1, $2, $3, $4, $5, $6, $7, $8)",
)
_HOLD: Final = Prepared(
    "ledger_hold",
    "text, text, uuid, bytea, timestamptz, bigint, bigint[], numeric[], timestamptz",
    "SELECT transaction_id, transfer_ids FROM ledger_hold($1, $2, $3, $4, $5, $6, $7, $8, $9)",
)


def attempt(transaction: Transaction, carry_out: CarryOut) -> Outcome | None:
    """Post a lone transfer, or holds on one account; do nothing and answer None if something has to be decided."""
    if transaction.reverses is not None:
        return None
    match transaction.legs:
        case (Transfer() as leg,):
            sides = leg.debit_account, leg.credit_account, leg.amount_minor
            [(transaction_id, transfer_id)] = carry_out(_TRANSFER, (*_header(transaction), *sides))
            return None if transaction_id is None else Outcome(transaction_id, (transfer_id,))
        case (Hold() as first, *_) as legs:
            holds = [leg for leg in legs if isinstance(leg, Hold) and leg.debit_account == first.debit_account]
            if len(holds) != len(legs) or any(leg.expires_at != first.expires_at for leg in holds):
                return None
            named, amounts = zip(*((leg.credit_account, leg.amount_minor) for leg in holds), strict=True)
            held = first.debit_account, list(named), list(amounts), first.expires_at
            [(transaction_id, transfer_ids)] = carry_out(_HOLD, (*_header(transaction), *held))
            return None if transaction_id is None else Outcome(transaction_id, tuple(transfer_ids))
    return None


def _header(transaction: Transaction) -> tuple[Any, ...]:
    return (
        transaction.key,
        transaction.kind,
        None if transaction.flow_id is None else str(transaction.flow_id),
        request_hash(transaction),
        transaction.effective_at,
    )

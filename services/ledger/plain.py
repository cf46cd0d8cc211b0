"""A single plain transfer in one round trip, by a function that answers nothing when there is something to decide."""

from collections.abc import Callable
from typing import Final

from domain.ledger import Outcome, Transaction, Transfer, request_hash
from models.prepared import Prepared, Rows

TRANSFER: Final = Prepared(
    "ledger_transfer",
    "text, text, uuid, bytea, timestamptz, bigint, bigint, numeric",
    "SELECT transaction_id, transfer_id FROM ledger_transfer($1, $2, $3, $4, $5, $6, $7, $8)",
)


def attempt(transaction: Transaction, carry_out: Callable[..., Rows]) -> Outcome | None:
    """Post it if it is one plain transfer and nothing stands against it; None, with nothing changed, otherwise.

    `carry_out` executes TRANSFER with the parameters that it is called with.
    """
    if len(transaction.legs) != 1 or transaction.reverses is not None:
        return None
    leg = transaction.legs[0]
    if not isinstance(leg, Transfer):
        return None
    [(transaction_id, transfer_id)] = carry_out(
        transaction.key,
        transaction.kind,
        None if transaction.flow_id is None else str(transaction.flow_id),
        request_hash(transaction),
        transaction.effective_at,
        leg.debit_account,
        leg.credit_account,
        leg.amount_minor,
    )
    return None if transaction_id is None else Outcome(transaction_id, (transfer_id,))

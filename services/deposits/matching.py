"""Find which outputs of many transactions are paid to addresses of ours, in one query."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.chain_facts import ChainTransaction


class Paid(NamedTuple):
    """One output to one of our issued addresses."""

    transaction: ChainTransaction
    vout: int
    amount_minor: int
    address_id: UUID
    user_id: UUID
    address: str


# One string rather than an array of byte strings: the driver quotes it once, however many outputs there are.
_MATCH = text(
    """
    SELECT output.position, address.id, address.user_id, address.address
    FROM unnest(string_to_array(:scripts, ',')) WITH ORDINALITY AS output(script, position)
    JOIN deposit_addresses AS address ON address.chain = :chain AND address.script = decode(output.script, 'hex')
    WHERE address.user_id IS NOT NULL
    ORDER BY output.position
    """
)


def match(session: Session, chain: str, transactions: Iterable[ChainTransaction]) -> Sequence[Paid]:
    """The outputs that pay an issued address. The cost follows the outputs, not the number of addresses."""
    outputs = [
        (transaction, output) for transaction in transactions for output in transaction.outputs if output.amount_minor
    ]
    if not outputs:
        return []
    scripts = ",".join([output.script.hex() for _, output in outputs])
    found = session.execute(_MATCH, {"chain": chain, "scripts": scripts})
    paid = []
    for position, address_id, user_id, address in found:
        transaction, output = outputs[position - 1]
        paid.append(Paid(transaction, output.vout, output.amount_minor, address_id, user_id, address))
    return paid

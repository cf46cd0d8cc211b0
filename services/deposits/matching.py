"""Find which outputs of many transactions are paid to addresses of ours, in one query."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.chain_facts import ChainTransaction
from models.asset import Asset
from services import own_movements
from services.deposits import script_filter

FILTERED_FROM: Final = 200
"""Below this many outputs, looking each one up costs less than bringing the filter up to date."""


class Paid(NamedTuple):
    """One output to one of our issued addresses."""

    transaction: ChainTransaction
    vout: int
    amount_minor: int
    asset: Asset
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


def match(
    session: Session, chain: str, transactions: Iterable[ChainTransaction], money: Mapping[str, Asset]
) -> Sequence[Paid]:
    """The outputs that pay an issued address in something that is `money`: assets by contract, the coin under "".

    The cost grows with the outputs, not with the number of addresses; of many outputs, most are ruled out by a filter
    without a look-up. What the house itself sent to an address of its own, such as gas for sweeping it, is no deposit.
    """
    outputs = [
        (transaction, output)
        for transaction in transactions
        for output in transaction.outputs
        if output.amount_minor and output.contract in money
    ]
    if len(outputs) >= FILTERED_FROM:
        may_be_ours = script_filter.of(session, chain)
        outputs = [outputs[place] for place in may_be_ours.candidates(session, [one.script for _, one in outputs])]
    if not outputs:
        return []
    scripts = ",".join([output.script.hex() for _, output in outputs])
    found = session.execute(_MATCH, {"chain": chain, "scripts": scripts})
    paid = []
    for position, address_id, user_id, address in found:
        transaction, output = outputs[position - 1]
        asset = money[output.contract]
        paid.append(Paid(transaction, output.vout, output.amount_minor, asset, address_id, user_id, address))
    own = own_movements.among(session, chain, {output.transaction.txid for output in paid})
    return [output for output in paid if output.transaction.txid not in own]

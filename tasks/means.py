"""Sign nothing on a chain of accounts that the hot wallet cannot pay besides what is signed already."""

from domain.node_refusals import InsufficientHotFunds
from domain.ports import Chain
from domain.wallet_facts import SignedPayment
from services import payouts
from wiring.container import Container


def refuse_beyond(
    container: Container, chain: Chain, payment: SignedPayment, *, asset_id: str, contract: str, fee_asset_id: str
) -> None:
    """Raise InsufficientHotFunds where this payment, and those that are stored and in no block, are more than there is.

    A payment of accounts that cannot be covered fails in its block, at the house's cost, or keeps all others waiting
    behind its nonce. In doubt it waits: what a node has in a block already may be counted twice until that is read.
    """
    if not chain.rail.has_accounts:
        return
    with container.reading() as session:
        taken = dict(payouts.committed(session, chain.rail.chain))
    needed = {asset_id: int(payment.amount_minor or 0)}
    needed[fee_asset_id] = needed.get(fee_asset_id, 0) + payment.fee_minor
    for wanted_id, of in ((asset_id, contract), (fee_asset_id, "")):
        if not taken.get(wanted_id):
            continue
        held_minor = chain.holding(of).trusted_minor
        if held_minor < taken[wanted_id] + needed[wanted_id]:
            raise InsufficientHotFunds(
                f"{needed[wanted_id]} {wanted_id} are needed besides {taken[wanted_id]} on their way; "
                f"{held_minor} are there"
            )

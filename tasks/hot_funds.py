"""On a chain of accounts, sign no payment that the hot wallet cannot cover on top of those already signed."""

from domain.node_refusals import InsufficientHotFunds
from domain.ports import Chain
from domain.wallet_facts import SignedPayment
from services import payouts
from wiring.container import Container


def refuse_uncovered(
    container: Container, chain: Chain, payment: SignedPayment, *, asset_id: str, contract: str, fee_asset_id: str
) -> None:
    """Raise InsufficientHotFunds if this payment and the stored ones that no block holds yet exceed the balance.

    An uncovered payment fails in its block, at the house's cost, or keeps every later nonce waiting. When in doubt it
    waits: a payment that is in a block we have not read yet is counted twice.
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

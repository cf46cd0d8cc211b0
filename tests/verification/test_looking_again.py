"""A claim that was verified by its depth is looked at once more, on a real node whose chain is reorganised."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.verification.reader import FailOverReader
from models.verification import PaymentVerification
from services import alerts, assets, verifications
from services.verifications import looking_again
from tasks.verifications import check
from tests.rail import BY, COIN, Rail
from tests.services import world
from wiring.verification import build_verifiers


@dataclass
class Claimed:
    """One claim of a payment with two confirmations, verified and credited."""

    rail: Rail
    raw_tx: str
    stranger: str
    """What spends the same inputs."""
    user_id: UUID
    claim_id: UUID

    def look(self) -> None:
        check.run.__wrapped__(self.rail.container, BY)

    def row(self) -> PaymentVerification:
        with self.rail.container.reading() as session:
            return verifications.one(session, self.claim_id)

    def is_told(self) -> bool:
        with self.rail.container.transaction() as session:
            return alerts.stands(session, looking_again.ALERT, scope=f"verification:{self.claim_id}")


@pytest.fixture
def claimed(rail: Rail) -> Iterator[Claimed]:
    chain = rail.chain.network.chain
    readers = build_verifiers((), rail.container.settings.chains)
    rail.container = replace(rail.container, verifiers=readers)
    world.set_asset(rail, confirmation_tiers=[[None, 2]])
    address, user_id, now = rail.chain.new_addresses(1)[0].address, rail.new_user(), rail.container.now()
    with rail.container.transaction() as session:
        verifications.add_address(session, chain, address, client_id=None, now=now, by=BY)
    txid = rail.send_to(address, COIN)
    raw_tx = rail.node.call("getrawtransaction", txid)
    stranger = world.conflicting(rail, txid, rail.outside_address())
    rail.mine(2)
    with rail.container.transaction() as session:
        asset = assets.get(session, rail.chain.network.coin.asset_id)
        claim = verifications.request(
            session, user_id=user_id, client_id=None, asset=asset, chain=chain, tx_hash=txid, to=None,
            amount_minor=COIN, reference="", now=rail.container.now(), by=BY,
        )  # fmt: skip
    made = Claimed(rail, raw_tx, stranger, user_id, claim.id)
    made.look()
    assert (made.row().state, rail.balance(user_id)) == ("verified", (COIN, 0))
    yield made
    reader = readers[chain]
    assert isinstance(reader, FailOverReader)
    reader.close()


@pytest.mark.causes("verified_claim_undone")
def test_a_payment_that_a_fork_undid_after_it_was_verified_raises_an_alert_until_it_is_back(claimed: Claimed) -> None:
    rail = claimed.rail
    world.fork(rail, 2, claimed.stranger)
    world.travel(rail, looking_again.AFTER)
    for looks in range(looking_again.LOOKS_UNTIL_GONE):
        assert not claimed.is_told(), f"after {looks} looks"
        claimed.look()
        world.travel(rail, timedelta(minutes=11))
    assert claimed.is_told()
    assert (claimed.row().state, rail.balance(claimed.user_id)) == ("verified", (COIN, 0))
    world.fork(rail, 3, claimed.raw_tx)
    claimed.look()
    assert not claimed.is_told()
    assert claimed.row().due_at is None


def test_a_payment_that_stays_where_it_was_is_looked_at_once_more_and_never_again(claimed: Claimed) -> None:
    due_at = claimed.row().due_at
    assert due_at is not None
    assert due_at > claimed.rail.container.now() + looking_again.AFTER / 2
    world.travel(claimed.rail, looking_again.AFTER)
    claimed.look()
    assert (claimed.row().due_at, claimed.row().lease_generation, claimed.is_told()) == (None, 2, False)
    claimed.look()
    assert claimed.row().lease_generation == 2

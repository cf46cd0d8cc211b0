"""One token's whole way through Strongroom on a real chain: paid in, credited, requested, signed, sent and settled."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest

from adapters.evm.chain import EvmChain
from domain.evm.networks import EVM_NETWORKS
from services import addresses, assets, ledger, withdrawals
from tasks import addresses as address_tasks
from tasks import payouts
from tasks import withdrawals as withdrawal_tasks
from tasks.chains import begin
from tests.evm.world import PASSWORD, STRANGER, World
from tests.rail import BY, Rail
from wiring.chain_settings import ChainSettings
from wiring.container import build_container
from wiring.embedded.anvil import AnvilServer
from wiring.secret import Secret
from wiring.settings import Settings

TOKEN = "tUSD.anvil"
UNIT = 10**6


@pytest.fixture
def rail(settings: Settings, world: World, anvil: AnvilServer) -> Iterator[Rail]:
    configured = ChainSettings(
        chain="anvil",
        rpc_url=Secret(anvil.rpc_url),
        xpub=world.deposits.public().write(),
        keystore=world.keystore,
        keystore_password=Secret(PASSWORD),
    )
    container = build_container(replace(settings, chains=(configured,)))
    chain = container.chains["anvil"]
    chain.ensure_wallet()
    begin(container, chain)
    address_tasks.refill_chain(container, chain)
    assert isinstance(chain, EvmChain)
    # The steps used here are those of every rail.
    yield Rail(container, cast("Any", chain), cast("Any", anvil))
    chain.close()
    container.engine.dispose()


def test_a_token_comes_in_and_goes_out_once(rail: Rail, world: World) -> None:
    token, container = world.token(), rail.container
    with container.transaction() as session:
        assets.add_token(
            session, EVM_NETWORKS["anvil"], token.address, symbol="tUSD", decimals=6, name="Test dollar",
            now=container.now(), by=BY,
        )  # fmt: skip
    user_id, approvers = rail.new_user(), [rail.new_user(), rail.new_user()]
    with container.transaction() as session:
        issued = addresses.issue(session, user_id=user_id, asset_id=TOKEN, now=container.now(), by=BY)
    token.transfer(issued.address, 50 * UNIT)
    world.anvil.mine(12)
    assert rail.watch() == 1
    assert rail.deposit().asset_id == TOKEN
    assert balance(rail, user_id) == (50 * UNIT, 0)

    # What came in is not swept yet: the hot wallet pays from what it has.
    token.transfer(world.hot.address, 30 * UNIT)
    world.fund()
    with container.transaction() as session:
        asked = withdrawals.request(
            session, user_id=user_id, asset_id=TOKEN, amount_minor=20 * UNIT, destination=STRANGER.lower(),
            now=container.now(), by=BY,
        )  # fmt: skip
    for approver_id in approvers:
        if rail.withdrawal().state == "pending_approval":
            with container.transaction() as session:
                withdrawals.approve(session, asked.id, approver_id=approver_id, now=container.now(), by=BY)
    assert withdrawal_tasks.pay_chain(container, rail.chain, BY) == 1
    assert withdrawal_tasks.pay_chain(container, rail.chain, BY) == 0
    world.anvil.mine(12)
    rail.watch()
    payouts.settle_chain(container, "anvil", BY)
    assert (rail.withdrawal().state, rail.payout().state) == ("completed", "completed")
    assert rail.chain.holding(token.address, unswept=[issued.address]).trusted_minor == 10 * UNIT
    assert balance(rail, user_id)[1] == 0
    rail.assert_sound()


def balance(rail: Rail, user_id: UUID) -> tuple[int, int]:
    with rail.container.reading() as session:
        for one in ledger.balances(session, user_id):
            if one.asset_id == TOKEN:
                return one.available_minor, one.held_minor
    return 0, 0

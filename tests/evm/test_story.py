"""One token's whole way through Strongroom on a real chain: paid in, credited, requested, signed, sent and settled."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from adapters.evm.chain import EvmChain
from domain.evm.networks import EVM_NETWORKS, WEI
from models.withdrawal import Withdrawal
from services import addresses, assets, chains, ledger, withdrawals
from tasks import addresses as address_tasks
from tasks import payouts
from tasks import withdrawals as withdrawal_tasks
from tasks.chains import begin
from tests.evm.world import PASSWORD, STRANGER, World
from tests.rail import BY, Rail
from tests.services import world as ways
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


def test_what_is_final_is_known_from_the_first_block_that_is_followed(rail: Rail, world: World) -> None:
    """Without it, depth alone would credit what comes before the chain was once read to its tip."""
    network = replace(EVM_NETWORKS["gnosis"], chain_id=EVM_NETWORKS["anvil"].chain_id)
    world.anvil.mine(70)
    begin(rail.container, world.reached_at(world.anvil.rpc_url, network=network))
    with rail.container.reading() as session:
        cursor = chains.get(session, "gnosis")
    assert cursor.final_height is not None
    assert cursor.final_height < cursor.height


@pytest.mark.parametrize("of_token", [True, False])
def test_no_more_is_signed_at_once_than_the_hot_wallet_has(rail: Rail, world: World, of_token: bool) -> None:
    """All that is approved is signed before the first of it is sent, and a node knows of nothing that was not sent."""
    token, container = world.token(), rail.container
    with container.transaction() as session:
        assets.add_token(
            session, EVM_NETWORKS["anvil"], token.address, symbol="tUSD", decimals=6, name="Test dollar",
            now=container.now(), by=BY,
        )  # fmt: skip
    ways.set_policy(rail, confirmations=1, auto_limit_minor=10**30, minimum_minor=1, fee_minor=0)
    asset_id, unit = (TOKEN, UNIT) if of_token else ("tETH", WEI)
    user_id = rail.new_user()
    address = addresses_of(rail, user_id)
    if of_token:
        token.transfer(address, 10 * unit)
        token.transfer(world.hot.address, 5 * unit)
        world.fund()
    else:
        world.anvil.pay(address, 10 * unit)
        world.fund(5 * unit)
    world.anvil.mine(12)
    rail.watch()
    for _ in range(2):
        with container.transaction() as session:
            withdrawals.request(
                session, user_id=user_id, asset_id=asset_id, amount_minor=4 * unit, destination=STRANGER.lower(),
                now=container.now(), by=BY,
            )  # fmt: skip
    assert rail.pay() == 1
    waiting = [row for row in rail.rows(Withdrawal) if row.state == "approved"]
    assert [row.waiting_reason for row in waiting] == ["insufficient_hot_funds"]
    world.anvil.mine(1)
    rail.watch()
    ways.travel(rail, timedelta(minutes=11))
    assert rail.pay() == 0
    if of_token:
        token.transfer(world.hot.address, 5 * unit)
    else:
        world.fund(5 * unit)
    ways.travel(rail, timedelta(minutes=11))
    assert rail.pay() == 1
    world.anvil.mine(1)
    rail.watch()
    assert {row.state for row in rail.rows(Withdrawal)} == {"completed"}


def addresses_of(rail: Rail, user_id: UUID) -> str:
    with rail.container.transaction() as session:
        return addresses.issue(session, user_id=user_id, asset_id=TOKEN, now=rail.container.now(), by=BY).address

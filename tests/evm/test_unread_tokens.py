"""A token that does not say what arrived stops nobody else, and is credited once it says it."""

from collections.abc import Callable, Iterator

import pytest

from domain.evm.networks import WEI
from models.chain import UnreadToken
from models.deposit import Deposit
from tasks.backfilling import reread_chain
from tests.contracts import Contract
from tests.dying import die_at
from tests.evm import paths
from tests.evm.between import Between, refuse
from tests.evm.paths import A_WHILE, COIN, TOKEN, UNIT, EvmRail
from tests.evm.test_crashes import KILLED
from tests.evm.world import World
from tests.rail import BY
from tests.services import world as ways
from wiring.settings import Settings


@pytest.fixture
def rail(settings: Settings, world: World) -> Iterator[EvmRail]:
    made = paths.make(settings, world)
    yield made
    made.evm.close()
    made.container.engine.dispose()


def silence(token: Contract, *, silent: bool) -> None:
    token.send("be_silent(bool)", silent)
    token.anvil.mine()


def unread(rail: EvmRail) -> list[UnreadToken]:
    with rail.container.reading() as session:
        return list(session.query(UnreadToken))


def reread(rail: EvmRail) -> int:
    """Read again, when it is time to."""
    ways.travel(rail, A_WHILE)
    return reread_chain(rail.container, rail.chain, BY)


@pytest.mark.causes("token_unreadable")
def test_a_token_that_reverts_waits_alone_and_is_credited_once_it_answers(rail: EvmRail) -> None:
    token = rail.add_token("Moody")
    silence(token, silent=True)
    user_id = rail.new_user()
    address = rail.new_address(user_id).address
    snapshot = rail.world.height()
    token.transfer(address, 5 * UNIT)
    rail.world.anvil.pay(address, WEI)
    rail.mine()
    rail.watch()
    assert rail.owns(user_id, COIN) == (WEI, 0)
    assert rail.owns(user_id, TOKEN) == (0, 0)
    assert ways.standing(rail) == {"token_unreadable": "warning"}
    [waiting] = unread(rail)
    assert (waiting.contract.lower(), waiting.block_height, waiting.reason) == (
        token.address.lower(), snapshot + 1, "no_balance",
    )  # fmt: skip
    assert reread(rail) == 0  # it still does not answer at that block
    assert unread(rail)[0].attempts == 1
    assert rail.count(Deposit) == 1
    silence(token, silent=False)
    rail.watch()
    assert reread(rail) == 1
    assert rail.owns(user_id, TOKEN) == (5 * UNIT, 0)
    assert (unread(rail), ways.standing(rail)) == ([], {})
    assert reread(rail) == 0
    rail.assert_sound()


def test_what_a_silent_token_only_pretended_is_never_credited(rail: EvmRail) -> None:
    token = rail.add_token("Moody")
    user_id = rail.new_user()
    address = rail.new_address(user_id).address
    token.transfer(address, 4 * UNIT)
    rail.mine()
    rail.watch()
    silence(token, silent=True)
    token.send("pretend(address,uint256)", address, 4 * UNIT)
    silence(token, silent=False)
    rail.watch()
    assert len(unread(rail)) == 1
    # Of a payment that nobody has read yet, the balance must not prove another one.
    token.transfer(address, 4 * UNIT)
    rail.mine()
    assert reread(rail) == 0
    rail.watch()
    assert reread(rail) == 0
    assert rail.owns(user_id, TOKEN) == (8 * UNIT, 0)
    assert ways.standing(rail) == {"token_unreadable": "warning"}
    rail.assert_sound()


def test_what_no_node_could_tell_is_told_by_a_second_reading(
    settings: Settings, world: World, between: Callable[[], Between]
) -> None:
    node = between()
    rail = paths.make(settings, world, node.url)
    token = rail.add_token()
    user_id = rail.new_user()
    address = rail.new_address(user_id).address

    node.rules["eth_call"] = refuse(3, "execution reverted")
    token.transfer(address, 5 * UNIT)
    rail.mine()
    rail.watch()
    assert rail.count(Deposit) == 0
    assert ways.standing(rail) == {"token_unreadable": "warning"}
    node.rules.clear()
    # Who dies has the real clock, by which it is not yet time.
    with rail.container.transaction() as session:
        session.query(UnreadToken).one().due_at = rail.container.now()
    assert die_at(rail.container, "reread", "deposit.rereading") == KILLED
    assert len(unread(rail)) == 1
    assert reread(rail) == 1
    assert rail.owns(user_id, TOKEN) == (5 * UNIT, 0)
    assert (unread(rail), ways.standing(rail)) == ([], {})
    assert reread(rail) == 0
    rail.assert_sound()
    rail.evm.close()
    rail.container.engine.dispose()


def test_what_was_set_aside_leaves_with_its_block(rail: EvmRail) -> None:
    token = rail.add_token("Moody")
    silence(token, silent=True)
    address = rail.new_address(rail.new_user()).address
    rail.watch()
    snapshot = rail.world.anvil.call("evm_snapshot")
    token.transfer(address, 5 * UNIT)
    rail.mine()
    rail.watch()
    assert len(unread(rail)) == 1
    rail.world.anvil.call("evm_revert", snapshot)
    rail.mine(4)
    rail.watch()
    assert (unread(rail), ways.standing(rail), rail.count(Deposit)) == ([], {}, 0)


@pytest.mark.parametrize(
    "answer",
    [
        {"result": "0x"},
        {"result": "0x1234"},
        {"result": "not a number"},
        {"error": {"code": -32000, "message": "out of gas"}},
        {"error": {"code": -32015, "message": "VM execution error"}},
        {"error": {"code": -32000, "message": "missing trie node"}},
    ],
)
def test_an_answer_that_is_no_balance_sets_aside_and_stops_nothing(
    world: World, between: Callable[[], Between], answer: dict[str, object]
) -> None:
    node = between()
    token = world.token()
    [new] = world.chain.new_addresses(1)
    token.transfer(new.address, 5)
    node.rules["eth_call"] = lambda _params, _forward: answer
    block = world.block([token.address], chain=world.reached_at(node.url))
    assert [output for one in block.transactions for output in one.outputs] == []
    [waiting] = block.set_aside
    assert (waiting.recipient, waiting.amount_minor, waiting.contract) == (new.script, 5, token.address.lower())


def test_a_node_that_fails_is_not_taken_for_a_silent_token(world: World, between: Callable[[], Between]) -> None:
    node = between()
    token = world.token()
    [new] = world.chain.new_addresses(1)
    token.transfer(new.address, 5)
    chain = world.reached_at(node.url, world.anvil.rpc_url)
    for message in ("header not found", "rate limit exceeded", "missing trie node"):
        node.rules["eth_call"] = refuse(-32000, message)
        block = world.block([token.address], chain=chain)
        assert [output.amount_minor for one in block.transactions for output in one.outputs] == [5]
        assert block.set_aside == ()

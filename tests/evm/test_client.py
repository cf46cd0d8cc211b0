"""Nodes that are down, wrong, slow or overloaded: another is asked, and what is not known is not guessed."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from domain.node_refusals import (
    ChainUncertain,
    NodeBusy,
    NodeError,
    NodeRefused,
    NodeTimeout,
    NodeUnauthorised,
    NodeWrongChain,
)
from tests.evm.between import Between, Forward, HungUp, refuse, say
from tests.evm.world import World

NOWHERE = "http://127.0.0.1:9/"


def hang_up(params: list[Any], forward: Forward) -> None:
    raise HungUp


@pytest.mark.parametrize(
    ("method", "rule", "refusal"),
    [
        ("eth_chainId", say("0x1"), NodeWrongChain),
        ("eth_getBlockByNumber", hang_up, ChainUncertain),
        ("eth_getBlockByNumber", refuse(-32005, "daily request count exceeded, request rate limited"), NodeBusy),
        ("eth_getBlockByNumber", refuse(-32000, "invalid api key"), NodeUnauthorised),
    ],
)
def test_a_bad_node_is_passed_over_and_named_where_it_is_the_only_one(
    world: World, between: Callable[[], Between], method: str, rule: Any, refusal: type[Exception]
) -> None:
    bad = between()
    bad.rules[method] = rule
    with pytest.raises(refusal):
        world.reached_at(bad.url).tip()
    assert world.reached_at(bad.url, world.anvil.rpc_url).tip().height == world.height()


@pytest.mark.parametrize(
    ("status", "refusal"), [(401, NodeUnauthorised), (429, NodeBusy), (502, ChainUncertain), (404, NodeError)]
)
def test_a_gateway_that_does_not_answer_is_named_by_its_status(
    world: World, between: Callable[[], Between], status: int, refusal: type[Exception]
) -> None:
    bad = between()
    bad.statuses = [status] * 20
    with pytest.raises(refusal):
        world.reached_at(bad.url).tip()


def test_a_failure_that_passes_is_not_noticed(world: World, between: Callable[[], Between]) -> None:
    bad = between()
    bad.statuses = [503, 429]
    assert world.reached_at(bad.url).tip().height == world.height()


def test_the_node_that_answered_last_is_asked_first(world: World, between: Callable[[], Between]) -> None:
    spare = between()
    chain = world.reached_at(NOWHERE, spare.url)
    chain.tip()
    chain.tip()
    assert spare.asked.count("eth_chainId") == 1
    assert chain._client._preferred == 1


def test_nothing_listens_and_a_silent_node_are_told_apart(world: World) -> None:
    with pytest.raises(NodeRefused):
        world.reached_at(NOWHERE).tip()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(NodeTimeout):
            world.reached_at(url, timeout_s=0.2).tip()


def test_an_answer_that_is_too_long_is_cut_off_and_blocks_are_read_in_smaller_parts(
    world: World, between: Callable[[], Between]
) -> None:
    for _ in range(4):
        world.anvil.pay(world.hot.address, 5)
    tip = world.chain.tip()
    hashes = world.chain.block_hashes(tip.height - 3, 4)
    small = world.reached_at(world.anvil.rpc_url, answer_bytes_max=8_000)
    assert small.blocks(hashes) == world.chain.blocks(hashes)
    with pytest.raises(NodeError):
        world.reached_at(world.anvil.rpc_url, answer_bytes_max=100).blocks(hashes)


@pytest.mark.parametrize("body", [{"result": "0xzz"}, {"result": None}, {}])
def test_an_answer_that_makes_no_sense_is_no_answer(
    world: World, between: Callable[[], Between], body: dict[str, Any]
) -> None:
    bad = between()
    bad.rules["eth_chainId"] = lambda _params, _forward: {"other": 1, **body}
    with pytest.raises(ChainUncertain):
        world.reached_at(bad.url).tip()


def test_addresses_of_nodes_never_show_since_they_carry_keys(world: World, between: Callable[[], Between]) -> None:
    node = between()
    chain = world.reached_at(node.url)
    assert "key-3141" not in repr(chain) + repr(chain._client) + repr(chain._client.endpoint)
    node.statuses = [404] * 9
    with pytest.raises(NodeError) as caught:
        chain.tip()
    assert "key-3141" not in str(caught.value)

"""A node that is down, refuses, lags or serves another chain: nothing is known, so nothing moves, and it is said."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

import tasks.block_reader
from domain.chain_facts import Block
from domain.networks import NETWORKS
from domain.ports import Chain, DescriptorChain
from models.audit import AuditLog
from models.deposit import Deposit
from models.ledger import LedgerTransaction
from services import chains
from services.leases import LeaseLost
from tasks.chains import begin
from tests.rail import BY, COIN, Rail
from tests.services import outgoing, world
from tests.waiting import eventually

NOWHERE = "http://strongroom:secret@127.0.0.1:9"


def wrong_password(rail: Rail) -> Chain:
    return world.elsewhere(rail, rail.node.rpc_url.replace("strongroom:", "strongroom:not"))


def nowhere(rail: Rail) -> Chain:
    return world.elsewhere(rail, NOWHERE)


@pytest.mark.parametrize(("way", "code"), [(nowhere, "node_refused"), (wrong_password, "node_unauthorised")])
def test_nothing_moves_while_the_node_cannot_be_read(rail: Rail, way: object, code: str) -> None:
    assert callable(way)
    user_id = rail.new_user()
    rail.send_to(rail.new_address(user_id).address, COIN // 2)
    rail.watch()
    rail.mine()
    before = world.cursor(rail)
    with world.reached_at(rail, way(rail)):
        assert rail.watch() == 0
    cursor = world.cursor(rail)
    assert (cursor.height, cursor.hash, cursor.error) == (before.height, before.hash, code)
    assert cursor.failing_since is not None
    assert rail.deposit().state == "seen"
    assert world.standing(rail) == {}


@pytest.mark.causes("chain_source_stale")
def test_a_source_that_stays_silent_is_stale_after_its_time_and_recovers_by_itself(rail: Rail) -> None:
    user_id = rail.new_user()
    rail.watch()
    with world.reached_at(rail, world.elsewhere(rail, NOWHERE)):
        rail.watch()
        assert world.standing(rail) == {}
        world.travel(rail, timedelta(seconds=30))
        rail.watch()
        assert world.standing(rail) == {}
        world.travel(rail, timedelta(seconds=31))
        rail.watch()
        assert world.standing(rail) == {"chain_source_stale": "critical"}
        rail.send_to(rail.new_address(user_id).address, COIN // 2)
        rail.mine()
    world.travel(rail, timedelta(seconds=20))
    rail.watch()
    assert world.standing(rail) == {}
    assert world.cursor(rail).failing_since is None
    assert rail.balance(user_id) == (COIN // 2, 0)


def test_a_node_behind_the_cursor_is_lagging_and_undoes_nothing(rail: Rail) -> None:
    user_id = rail.new_user()
    rail.fund(user_id, COIN // 2)
    dropped = world.drop_blocks(rail, 3)
    before = world.cursor(rail)
    rail.watch()
    cursor = world.cursor(rail)
    assert (cursor.height, cursor.error) == (before.height, "node_lagging")
    assert rail.balance(user_id) == (COIN // 2, 0)
    rail.node.call("reconsiderblock", dropped)
    world.travel(rail, timedelta(seconds=20))
    rail.watch()
    assert world.cursor(rail).error is None
    assert rail.balance(user_id) == (COIN // 2, 0)


def test_a_second_node_behind_the_same_address_that_lags_undoes_nothing(rail: Rail) -> None:
    """The tip is told by one node, the hashes by another that has not heard of the cursor's block yet."""
    user_id = rail.new_user()
    rail.fund(user_id, COIN // 2)
    before = world.cursor(rail)

    class Behind(outgoing.Wrapped):
        def block_hashes(self, first_height: int, count: int) -> list[str]:
            return self._chain.block_hashes(first_height, min(count, max(0, before.height - first_height)))

    rail.mine()
    with world.reached_at(rail, cast("DescriptorChain", Behind(rail.chain))):
        rail.watch()
    cursor = world.cursor(rail)
    assert (cursor.height, cursor.hash, cursor.error) == (before.height, before.hash, "node_lagging")
    assert rail.balance(user_id) == (COIN // 2, 0)
    world.travel(rail, timedelta(seconds=20))
    rail.watch()
    assert world.cursor(rail).error is None
    assert rail.count(LedgerTransaction) == 1


def test_a_node_on_a_shorter_branch_is_behind_until_that_is_as_long(rail: Rail) -> None:
    user_id = rail.new_user()
    txid = rail.send_to(rail.new_address(user_id).address, COIN // 2)
    rail.mine(6)
    rail.watch()
    world.drop_blocks(rail, 3)
    world.mine_holding(rail)
    before = world.cursor(rail)
    rail.watch()
    assert (world.cursor(rail).height, world.cursor(rail).error) == (before.height, "node_lagging")
    world.mine_holding(rail, count=2)
    world.travel(rail, timedelta(seconds=20))
    rail.watch()
    assert world.cursor(rail).hash == rail.node.call("getbestblockhash")
    assert world.deposits(rail)[txid].state == "credited"
    assert rail.balance(user_id) == (COIN // 2, 0)


def test_nodes_that_disagree_about_a_block_are_not_asked_without_end(rail: Rail) -> None:
    rail.mine()
    rail.watch()
    before = world.cursor(rail)

    class Torn(outgoing.Wrapped):
        asked = 0

        def block_hashes(self, first_height: int, count: int) -> list[str]:
            self.asked += 1
            hashes = self._chain.block_hashes(first_height, count)
            return ["00" * 32, *hashes[1:]] if self.asked % 2 else hashes

    rail.mine()
    torn = Torn(rail.chain)
    with world.reached_at(rail, cast("DescriptorChain", torn)):
        rail.watch()
    assert (world.cursor(rail).hash, world.cursor(rail).error, torn.asked) == (before.hash, "node_lagging", 2)


def test_a_node_far_behind_the_cursor_is_lagging_and_not_reorganised(rail: Rail) -> None:
    rail.mine(chains.REORG_DEPTH_MAX + 5)
    rail.watch()
    dropped = world.drop_blocks(rail, chains.REORG_DEPTH_MAX + 3)
    rail.watch()
    assert world.cursor(rail).error == "node_lagging"
    assert world.standing(rail) == {}
    rail.node.call("reconsiderblock", dropped)


def test_a_node_of_another_chain_moves_nothing(rail: Rail) -> None:
    other = next(name for name in NETWORKS if name.endswith("-regtest") and name != rail.chain.network.chain)
    stranger = world.elsewhere(rail, rail.node.rpc_url, other)
    begin(rail.container, stranger)
    with rail.container.reading() as session:
        assert [row.chain for row in chains.every(session)] == [rail.chain.network.chain]
    assert world.standing(rail) == {"chain_source_stale": "warning"}
    with rail.container.transaction() as session:
        chains.follow(session, other, height=1, hashes=["0" * 64], now=rail.container.now())
    with world.reached_at(rail, stranger):
        rail.watch()
        cursor = world.cursor(rail)
    assert (cursor.height, cursor.error) == (1, "node_wrong_chain")


def test_a_node_is_asked_for_no_block_that_it_does_not_have(rail: Rail) -> None:
    asked = []

    class Counted(outgoing.Wrapped):
        def block_hashes(self, first_height: int, count: int) -> list[str]:
            asked.append(count)
            return self._chain.block_hashes(first_height, count)

    rail.mine(3)
    with world.reached_at(rail, cast("DescriptorChain", Counted(rail.chain))):
        rail.watch()
    assert asked == [4]
    assert world.cursor(rail).hash == rail.node.call("getbestblockhash")


def test_a_paused_observer_reads_nothing_until_it_is_resumed(rail: Rail) -> None:
    user_id = rail.new_user()
    name = rail.chain.network.chain
    rail.send_to(rail.new_address(user_id).address, COIN // 2)
    rail.mine()
    with rail.container.transaction() as session:
        chains.pause(session, name, now=rail.container.now(), by=BY)
    assert rail.watch() == 0
    assert rail.count(Deposit) == 0
    with rail.container.transaction() as session:
        chains.resume(session, name, now=rail.container.now(), by=BY)
    rail.watch()
    assert rail.balance(user_id) == (COIN // 2, 0)
    assert [row.event for row in rail.rows(AuditLog) if row.event.startswith("observer.")] == [
        "observer.paused",
        "observer.resumed",
        "observer.refreshed",
    ]


def test_an_unknown_chain_cannot_be_paused(rail: Rail) -> None:
    with pytest.raises(chains.ChainNotFollowed), rail.container.transaction() as session:
        chains.pause(session, "dogecoin", now=rail.container.now(), by=BY)


def test_the_lease_of_a_reader_is_renewed_while_its_node_is_slow(rail: Rail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.block_reader, "RENEWED_EVERY_S", 0.01)

    class Slow(outgoing.Wrapped):
        def blocks(self, hashes: Sequence[str], **options: Any) -> list[Block]:
            before = world.cursor(rail).lease_until
            assert before is not None
            eventually(lambda: (world.cursor(rail).lease_until or before) > before)
            found: list[Block] = self._chain.blocks(hashes, **options)
            return found

    rail.mine()
    with world.reached_at(rail, cast("DescriptorChain", Slow(rail.chain))):
        rail.watch()
    assert world.cursor(rail).hash == rail.node.call("getbestblockhash")


def test_a_worker_whose_lease_ended_records_nothing(rail: Rail) -> None:
    """Another worker reads the chain while the first still holds what it read before."""
    name = rail.chain.network.chain
    with rail.container.transaction() as session:
        slow = chains.claim(session, name, owner="slow", now=rail.container.now())
    assert slow is not None
    assert rail.watch() == 0  # the lease holds
    world.travel(rail, timedelta(seconds=21))
    rail.mine()
    rail.watch()
    with pytest.raises(LeaseLost), rail.container.transaction() as session:
        chains.finish(session, name, generation=slow.lease_generation, tip_height=1, now=rail.container.now())
    assert world.cursor(rail).hash == rail.node.call("getbestblockhash")

"""Reading a real chain: every block whole and in order, and a mempool that changes while it is read."""

from collections.abc import Sequence
from typing import Any

from adapters.bitcoin.amounts import to_minor
from adapters.bitcoin.client import NodeClient
from adapters.bitcoin.source import BYTES_PER_CALL, BitcoinSource
from domain.addresses import parse_address
from domain.chain_facts import OutPoint
from domain.networks import COIN
from domain.node_refusals import NodeTimeout
from domain.ports import Chain
from tests.bitcoin.node import RICH_WALLET, RegtestNode

GHOST = "ab" * 32


def test_blocks_come_whole_and_linked(regtest: RegtestNode) -> None:
    chain = regtest.chain()
    tip = chain.tip()
    hashes = chain.block_hashes(0, tip.height + 50)
    assert hashes[-1] == tip.hash
    assert hashes[0] == regtest.network.genesis_hash
    blocks = chain.blocks(hashes)
    assert [block.height for block in blocks] == list(range(tip.height + 1))
    assert [block.hash for block in blocks] == hashes
    assert [block.previous_hash for block in blocks] == ["", *hashes[:-1]]
    assert all(block.transactions[0].is_coinbase for block in blocks)
    assert all(not block.transactions[0].spends for block in blocks)
    assert blocks[-1].time.tzinfo is not None


def test_there_is_nothing_above_the_tip(regtest: RegtestNode) -> None:
    chain = regtest.chain()
    assert chain.block_hashes(chain.tip().height + 1, 10) == []
    assert chain.blocks([]) == []


def test_outputs_carry_scripts_and_exact_amounts(regtest: RegtestNode) -> None:
    chain = regtest.chain()
    address = regtest.ask("getnewaddress", wallet=RICH_WALLET)
    txid = regtest.fund(address, "0.00012345")
    (block,) = chain.blocks([chain.tip().hash])
    (paid,) = [one for one in block.transactions if one.txid == txid]
    script = parse_address(address, regtest.network).script
    assert [output.amount_minor for output in paid.outputs if output.script == script] == [12_345]
    assert not paid.is_coinbase
    raw = regtest.ask("gettransaction", txid, wallet=RICH_WALLET)["hex"]
    decoded = regtest.ask("decoderawtransaction", raw)
    assert [OutPoint(spent["txid"], spent["vout"]) for spent in decoded["vin"]] == list(paid.spends)
    assert [to_minor(output["value"]) for output in decoded["vout"]] == [one.amount_minor for one in paid.outputs]


def test_the_mempool_is_listed_first_and_read_afterwards(regtest: RegtestNode) -> None:
    chain = regtest.chain()
    address = regtest.ask("getnewaddress", wallet=RICH_WALLET)
    script = parse_address(address, regtest.network).script
    txids = {regtest.fund(address, "0.5", confirm=False) for _ in range(3)}
    assert txids <= chain.mempool()
    found = chain.mempool_transactions([*txids, GHOST])
    assert set(found) == txids  # the one that vanished is no error
    assert all(any(output.script == script for output in one.outputs) for one in found.values())
    regtest.mine()
    assert chain.mempool_transactions(txids) == {}
    assert not txids & chain.mempool()


def test_a_reorganisation_shows_as_another_hash_at_the_same_height(own_regtest: RegtestNode) -> None:
    own_regtest.make_rich()
    chain = own_regtest.chain()
    before = chain.block_hashes(105, 6)
    own_regtest.ask("invalidateblock", before[3])
    assert chain.tip().height == 107
    own_regtest.mine(5)
    after = chain.block_hashes(105, 6)
    assert before[:3] == after[:3]
    assert before[3] != after[3]
    assert [block.hash for block in chain.blocks(before)] == before  # the node still serves what it left


def test_batches_follow_the_size_of_blocks(regtest: RegtestNode) -> None:
    chain = regtest.chain()
    hashes = chain.block_hashes(1, 20)
    chain.blocks(hashes)
    assert chain._bytes_per_block < BYTES_PER_CALL / 100


def test_the_node_says_what_it_is(regtest: RegtestNode) -> None:
    facts = regtest.chain().facts()
    assert "Core" in facts.software or "Satoshi" in facts.software
    assert facts.node_chain == regtest.network.node_chain == "regtest"
    assert RICH_WALLET in facts.wallets_loaded
    tip = regtest.chain().tip()
    assert tip.headers_height == tip.height
    assert to_minor(50) == 50 * COIN


def test_the_adapter_is_what_the_core_asks_for(regtest: RegtestNode) -> None:
    chain: Chain = regtest.chain()
    assert chain.rail is regtest.network


def test_a_node_too_slow_for_many_blocks_at_once_is_asked_for_fewer(regtest: RegtestNode) -> None:
    class Slow(NodeClient):
        def read_sized_batch(self, calls: Sequence[Sequence[Any]]) -> tuple[list[Any], int]:
            if len(calls) > 1:
                raise NodeTimeout
            return super().read_sized_batch(calls)

    source = BitcoinSource(Slow(regtest.endpoint(), regtest.network))
    hashes = source.block_hashes(0, 10)
    assert [block.hash for block in source.blocks(hashes)] == hashes

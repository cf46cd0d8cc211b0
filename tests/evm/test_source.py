"""What a chain of accounts shows of money that moved, and what only looks like it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.evm.transfers import MADE_UP_FROM
from domain.chain_facts import NATIVE_VALUE, ChainOutput
from domain.evm.networks import EVM_NETWORKS, GWEI, WEI, EvmNetwork
from domain.node_refusals import NodeLagging
from tests.contracts import Contract
from tests.evm.between import Between, Forward, refuse, say
from tests.evm.world import STRANGER, World
from wiring.embedded.anvil import AnvilServer


def payload(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def test_a_coin_that_somebody_sends_is_an_output_and_a_zero_value_is_none(world: World) -> None:
    [new] = world.chain.new_addresses(1)
    txid = world.anvil.pay(new.address, 3 * WEI)
    [transaction] = world.block().transactions
    assert transaction.txid == txid
    assert transaction.outputs == (ChainOutput(NATIVE_VALUE, new.script, 3 * WEI),)
    assert transaction.spends == ()
    world.anvil.pay(new.address, 0)
    assert world.block().transactions == ()


def test_a_block_stands_on_its_parent_and_is_found_by_its_hash(world: World) -> None:
    world.anvil.mine(3)
    tip = world.chain.tip()
    hashes = world.chain.block_hashes(tip.height - 2, 100)
    assert (len(hashes), hashes[-1]) == (3, tip.hash)
    blocks = world.chain.blocks(hashes)
    assert [block.height for block in blocks] == [tip.height - 2, tip.height - 1, tip.height]
    assert [block.previous_hash for block in blocks[1:]] == hashes[:-1]
    assert world.chain.blocks(world.chain.block_hashes(0, 1))[0].previous_hash == ""


def test_several_transfers_in_one_transaction_are_several_outputs(world: World) -> None:
    token = world.token()
    addresses = world.chain.new_addresses(3)
    recipients = [new.address for new in (*addresses, addresses[0])]
    token.send("spread(address[],uint256)", recipients, 500)
    [transaction] = world.block([token.address]).transactions
    contract = token.address.lower()
    assert transaction.outputs == tuple(
        ChainOutput(place, payload(address), 500, contract) for place, address in enumerate(recipients)
    )


def test_only_known_contracts_tell_of_money(world: World) -> None:
    """A fake with the same name, or any other token, is nothing; neither is a transfer of nothing."""
    token, fake = world.token(), world.token()
    [new] = world.chain.new_addresses(1)
    fake.transfer(new.address, 700)
    assert world.outputs([token.address]) == []
    token.transfer(new.address, 0)
    assert world.outputs([token.address]) == []


def test_a_failed_transaction_moves_nothing_though_it_says_so(world: World) -> None:
    [new] = world.chain.new_addresses(1)
    token = world.token(supply=10)
    asked = {"from": world.anvil.outsider(), "to": token.address, "value": hex(WEI), "gas": hex(100_000)}
    txid = world.anvil.call("eth_sendTransaction", asked | {"data": "0x12345678"})
    world.anvil.mine()
    assert world.anvil.call("eth_getTransactionReceipt", txid)["status"] == "0x0"
    assert world.block([token.address]).transactions == ()
    assert new.script not in {output.script for output in world.outputs([token.address])}


def test_a_token_that_takes_a_fee_is_credited_with_what_arrived(world: World, held: AnvilServer) -> None:
    token = world.token("Feeing")
    one, two = world.chain.new_addresses(2)
    for address, amount in ((one, 1_000), (one, 501), (two, 200)):
        token.transfer(address.address, amount)
    held.mine()
    found = world.outputs([token.address])
    assert sum(output.amount_minor for output in found if output.script == one.script) == 900 + 451
    assert [output.amount_minor for output in found if output.script == two.script] == [180]


def test_a_token_that_lies_moves_nothing(world: World) -> None:
    token = Contract(world.anvil, "Lying")
    [new] = world.chain.new_addresses(1)
    token.send("pretend(address,address,uint256)", STRANGER, new.address, 10**9)
    assert world.outputs([token.address]) == []


def test_more_than_can_be_of_anything_moves_nothing(world: World) -> None:
    """Nine times as much as a word holds is more than the books do: nothing of the chain could be credited any more."""
    [new] = world.chain.new_addresses(1)
    token = world.token(supply=2**256 - 1)
    token.transfer(new.address, MADE_UP_FROM)
    assert world.outputs([token.address]) == []
    token.transfer(new.address, MADE_UP_FROM - 1)
    assert [output.amount_minor for output in world.outputs([token.address])] == [MADE_UP_FROM - 1]


def test_a_lie_is_not_made_true_by_a_second_one_that_takes_it_away(world: World, held: AnvilServer) -> None:
    token = Contract(world.anvil, "Lying")
    [new] = world.chain.new_addresses(1)
    token.send("pretend(address,address,uint256)", STRANGER, new.address, 10**9)
    token.send("pretend(address,address,uint256)", new.address, STRANGER, 10**9)
    held.mine()
    assert world.outputs([token.address]) == []


def test_two_generations_of_a_token_tell_one_movement_once(world: World) -> None:
    newer = Contract(world.anvil, "Successor", ["uint256"], 10**9)
    older = Contract(world.anvil, "Legacy", ["address"], newer.address)
    canonical = newer.address.lower()
    contracts = {canonical: canonical, older.address.lower(): canonical}
    [new] = world.chain.new_addresses(1)

    def amounts() -> list[tuple[int, str]]:
        [block] = world.chain.blocks([world.chain.tip().hash], contracts=contracts)
        return [(output.amount_minor, output.contract) for one in block.transactions for output in one.outputs]

    newer.transfer(new.address, 5)
    assert amounts() == [(5, canonical)]
    older.transfer(new.address, 7)
    assert amounts() == [(7, canonical)]
    # The older one alone: nothing moved, whatever it says.
    older.send("repeat(address,uint256)", new.address, 9)
    assert amounts() == []


def test_what_our_account_sent_is_told_with_its_nonce_and_its_cost_even_when_it_failed(world: World) -> None:
    world.fund()
    before = world.balance(world.hot.address)
    assert world.send(world.build(STRANGER, WEI)) == "accepted"
    own = world.own_transaction()
    assert own.spends == ((world.account, 0),)
    assert own.succeeded
    assert own.fee_minor == before - WEI - world.balance(world.hot.address)


def test_a_reorganisation_shows_another_branch_and_the_places_of_events_stay(world: World, held: AnvilServer) -> None:
    """The same transaction, behind others in another block, keeps its places: its deposits are the same ones."""
    token = world.token()
    [new] = world.chain.new_addresses(1)
    world.fund()
    token.transfer(world.hot.address, 400)
    held.mine()
    snapshot = held.call("evm_snapshot")
    payment = world.build(new.address, 400, token.address)
    world.send(payment)
    held.mine()
    [seen] = world.block([token.address]).transactions
    orphan = world.chain.tip()
    held.call("evm_revert", snapshot)
    with pytest.raises(NodeLagging):
        world.chain.blocks([orphan.hash])
    token.send("spread(address[],uint256)", [STRANGER] * 3, 1, priority_fee_minor=100 * GWEI)
    world.send(payment)
    held.mine()
    others, again = world.block([token.address]).transactions
    assert len(others.outputs) == 3
    assert (again.txid, again.outputs, again.spends) == (seen.txid, seen.outputs, seen.spends)
    assert world.chain.block_hashes(orphan.height, 1) != [orphan.hash]


def test_a_node_that_lags_is_not_believed_to_have_seen_nothing(world: World, between: Callable[[], Between]) -> None:
    token = world.token()
    [new] = world.chain.new_addresses(1)
    token.transfer(new.address, 5)
    bad = between()
    chain = world.reached_at(bad.url)
    for method, result in (("eth_getBlockReceipts", []), ("eth_getBlockReceipts", None), ("eth_getBlockByHash", None)):
        bad.rules = {method: say(result)}
        with pytest.raises(NodeLagging if result is None else Exception, match="node"):
            world.block([token.address], chain=chain)
    # With a second node, the truth comes from that one.
    both = world.reached_at(bad.url, world.anvil.rpc_url)
    assert [output.amount_minor for output in world.outputs([token.address], chain=both)] == [5]


def test_a_node_without_receipts_of_whole_blocks_is_asked_for_each(
    world: World, between: Callable[[], Between]
) -> None:
    token = world.token()
    [new] = world.chain.new_addresses(1)
    token.transfer(new.address, 5)
    poor = between()
    poor.rules["eth_getBlockReceipts"] = refuse(-32601, "the method eth_getBlockReceipts does not exist")
    chain = world.reached_at(poor.url)
    assert world.block([token.address], chain=chain) == world.block([token.address])
    assert world.block([token.address], chain=chain) == world.block([token.address])
    assert poor.asked.count("eth_getBlockReceipts") == 1


@pytest.mark.parametrize("spoil", [{"removed": True}, {"status": "0x0"}])
def test_events_that_were_removed_or_belong_to_a_failure_do_not_count(
    world: World, between: Callable[[], Between], spoil: dict[str, object]
) -> None:
    token = world.token()
    token.transfer(STRANGER, 5)
    bad = between()

    def spoilt(params: list[object], forward: Forward) -> dict[str, object]:
        answer = forward("eth_getBlockReceipts", params)
        for receipt in answer["result"]:
            receipt |= {"status": spoil.get("status", receipt["status"])}
            receipt["logs"] = [log | spoil for log in receipt["logs"]]
        return answer

    bad.rules["eth_getBlockReceipts"] = spoilt
    assert world.outputs([token.address], chain=world.reached_at(bad.url)) == []


def test_a_range_that_is_too_large_is_halved_until_it_is_answered(world: World, between: Callable[[], Between]) -> None:
    token = world.token()
    first = world.height() + 1
    for amount in range(1, 21):
        token.transfer(STRANGER, amount)
    strict = between()

    def at_most_three(params: list[dict[str, str]], forward: object) -> dict[str, object] | None:
        if int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) >= 3:
            return {"error": {"code": -32005, "message": "query returned more than 10000 results"}}
        return None

    strict.rules["eth_getLogs"] = at_most_three
    found = world.reached_at(strict.url).token_transfers(first, world.height(), [token.address])
    assert [one.amount_minor for one in found] == list(range(1, 21))
    assert {one.recipient for one in found} == {payload(STRANGER)}


def test_no_events_from_a_node_that_lacks_the_blocks_are_not_no_events(
    world: World, between: Callable[[], Between]
) -> None:
    token, lagging = world.token(), between()
    height = world.height()
    token.transfer(STRANGER, 1)
    lagging.rules["eth_getLogs"] = say([])
    lagging.rules["eth_getBlockByNumber"] = say(None)
    with pytest.raises(NodeLagging):
        world.reached_at(lagging.url).token_transfers(height, world.height(), [token.address])
    both = world.reached_at(lagging.url, world.anvil.rpc_url)
    assert len(both.token_transfers(height + 1, world.height(), [token.address])) == 1


def test_the_tip_says_what_is_final_where_the_chain_does(world: World) -> None:
    assert world.chain.tip().final_height is None
    tagged = world.reached_at(world.anvil.rpc_url, network=_like_anvil("gnosis"))
    world.anvil.mine(100)
    tip = tagged.tip()
    assert tip.final_height is not None
    assert 0 < tip.final_height < tip.height
    assert not tip.in_initial_download


def _like_anvil(chain: str) -> EvmNetwork:
    return replace(EVM_NETWORKS[chain], chain_id=EVM_NETWORKS["anvil"].chain_id)

"""Paying out of a real node's wallet: signed before it is sent, sent as often as needed, replaced but never doubled."""

from dataclasses import replace

import pytest

from adapters.bitcoin.chain import BitcoinChain
from domain.addresses import parse_address
from domain.chain_facts import OutPoint
from domain.networks import COIN
from domain.node_refusals import (
    BumpImpossible,
    FeeAboveCap,
    InsufficientHotFunds,
    NodeError,
    PaymentTooSmall,
    WalletLocked,
    WalletNotLoaded,
)
from domain.wallet_facts import BroadcastAnswer, Payment, SignedPayment
from tests.bitcoin.node import RICH_WALLET, RegtestNode
from tests.waiting import eventually

CAP = COIN // 10


def build(chain: BitcoinChain, *amounts: int, fee_max: int = CAP, **options: object) -> SignedPayment:
    """Payments of these amounts to the wallet's own fresh addresses, in one transaction."""
    payments = [
        Payment(new.address, amount) for new, amount in zip(chain.new_addresses(len(amounts)), amounts, strict=True)
    ]
    return chain.build(payments, fee_max_minor=fee_max, **options)  # type: ignore[arg-type]


def locked(node: RegtestNode, wallet: str) -> set[tuple[str, int]]:
    return {(one["txid"], one["vout"]) for one in node.ask("listlockunspent", wallet=wallet)}


def outputs(node: RegtestNode, raw_tx: str) -> list[tuple[str, str]]:
    decoded = node.ask("decoderawtransaction", raw_tx)
    return [(one["scriptPubKey"]["hex"], str(one["value"])) for one in decoded["vout"]]


def test_a_wallet_is_created_once_and_loaded_again(regtest: RegtestNode, name: str) -> None:
    chain = regtest.chain(name)
    with pytest.raises(WalletNotLoaded):
        chain.holding()
    chain.ensure_wallet()
    chain.ensure_wallet()
    (new,) = chain.new_addresses(1)
    regtest.ask("unloadwallet", name)
    with pytest.raises(WalletNotLoaded):
        chain.new_addresses(1)
    chain.ensure_wallet()
    assert regtest.ask("getaddressinfo", new.address, wallet=name)["ismine"]


def test_new_addresses_are_many_distinct_and_carry_their_scripts(regtest: RegtestNode, name: str) -> None:
    chain = regtest.chain(name)
    chain.ensure_wallet()
    fresh = chain.new_addresses(250)
    assert len({new.address for new in fresh}) == 250
    info = regtest.ask("getaddressinfo", fresh[7].address, wallet=name)
    assert info["scriptPubKey"] == fresh[7].script.hex()


def test_what_is_built_is_signed_and_seen_by_nobody(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    built = build(chain, COIN, 2 * COIN)
    assert chain.locate(built.txid) is None
    assert built.txid not in chain.mempool()
    paid = outputs(regtest, built.raw_tx)
    assert [paid[vout][1] for vout in built.payment_vouts] == ["1.00000000", "2.00000000"]
    assert built.change_vout not in built.payment_vouts
    assert locked(regtest, name) == set(built.inputs)
    assert 0 < built.fee_minor <= CAP


def test_one_address_may_be_paid_twice_in_one_transaction(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    (new,) = chain.new_addresses(1)
    built = chain.build([Payment(new.address, COIN), Payment(new.address, COIN)], fee_max_minor=CAP)
    assert len(set(built.payment_vouts)) == 2
    assert chain.broadcast(built.raw_tx).outcome == "accepted"


def test_the_same_bytes_may_be_sent_again_at_any_time(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    built = build(chain, COIN)
    assert chain.broadcast(built.raw_tx).outcome == "accepted"
    assert chain.broadcast(built.raw_tx).outcome in {"accepted", "already_known"}
    eventually(lambda: (at := chain.locate(built.txid)) is not None and at.in_mempool)
    (block,) = regtest.mine()
    located = eventually(lambda: at if (at := chain.locate(built.txid)) is not None and at.confirmations == 1 else None)
    assert located.block_hash == block
    assert located.block_height == chain.tip().height
    assert not located.in_mempool
    assert chain.broadcast(built.raw_tx).outcome == "already_known"


def test_bytes_whose_outputs_are_all_spent_are_still_known(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    first = build(chain, COIN)
    chain.broadcast(first.raw_tx)
    regtest.mine()
    regtest.ask("sendtoaddress", regtest.ask("getnewaddress", wallet=RICH_WALLET), "9.9", "", "", True, wallet=name)
    regtest.mine()
    assert regtest.ask("gettxout", first.txid, 0) is None
    assert regtest.ask("gettxout", first.txid, 1) is None
    assert chain.broadcast(first.raw_tx).outcome == "already_known"


def test_bytes_that_are_no_transaction_are_an_error_and_not_an_answer(regtest: RegtestNode) -> None:
    with pytest.raises(NodeError):
        regtest.chain().broadcast("00ff")


def test_a_payment_whose_inputs_another_spent_is_rejected_with_a_reason(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    first = build(chain, COIN)
    chain.reserve([])
    second = build(chain, COIN)
    assert first.inputs == second.inputs
    chain.broadcast(first.raw_tx)
    regtest.mine()
    answer = chain.broadcast(second.raw_tx)
    assert answer.outcome == "rejected"
    assert answer.reason


def test_inputs_of_payments_in_flight_are_not_spent_twice(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name, "1", parts=3)
    first = build(chain, COIN // 2)
    second = build(chain, COIN // 2)
    assert set(first.inputs).isdisjoint(second.inputs)
    regtest.ask("unloadwallet", name)  # what a restart of the node does: locks are forgotten
    chain.ensure_wallet()
    assert locked(regtest, name) == set()
    third = build(chain, COIN // 2, avoid=[*first.inputs, *second.inputs])
    assert set(third.inputs).isdisjoint([*first.inputs, *second.inputs])
    with pytest.raises(InsufficientHotFunds):
        build(chain, COIN // 2, avoid=[*first.inputs, *second.inputs, *third.inputs])


def test_reserving_makes_locks_exactly_what_is_named(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name, "1", parts=2)
    first, second = build(chain, COIN // 2), build(chain, COIN // 2)
    chain.reserve(first.inputs)
    assert locked(regtest, name) == set(first.inputs)
    chain.reserve([*second.inputs, OutPoint("ab" * 32, 0)])  # one that nobody knows does no harm
    assert locked(regtest, name) == set(second.inputs)
    chain.reserve([])
    assert locked(regtest, name) == set()


def test_more_than_the_wallet_has_is_refused_by_name(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    with pytest.raises(InsufficientHotFunds):
        build(chain, 10 * COIN)  # the fee is missing
    assert locked(regtest, name) == set()


def test_a_fee_above_the_cap_is_refused_and_unlocks(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    with pytest.raises(FeeAboveCap):
        build(chain, COIN, fee_max=100)
    assert locked(regtest, name) == set()


def test_dust_is_refused_and_the_least_above_it_is_relayed(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    least = regtest.network.dust_limit_minor
    with pytest.raises(PaymentTooSmall):
        build(chain, least - 1)
    legacy = regtest.ask("getnewaddress", "", "legacy", wallet=name)
    built = chain.build([Payment(legacy, least)], fee_max_minor=CAP)
    assert chain.broadcast(built.raw_tx).outcome == "accepted"


def test_a_locked_wallet_is_named_and_its_inputs_are_free_again(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    regtest.ask("encryptwallet", "correct horse", wallet=name)
    with pytest.raises(WalletLocked):
        build(chain, COIN)
    assert locked(regtest, name) == set()
    regtest.ask("walletpassphrase", "correct horse", 60, wallet=name)
    assert chain.broadcast(build(chain, COIN).raw_tx).outcome == "accepted"


def test_the_fee_follows_the_rate(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    built = build(chain, COIN, fee_rate_minor_per_kvb=50_000)
    assert abs(built.fee_minor - 50 * built.vsize) <= 100


def test_a_bump_pays_the_same_people_and_replaces(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    first = build(chain, COIN, 2 * COIN)
    chain.broadcast(first.raw_tx)
    second = chain.bump(first, fee_max_minor=CAP)
    assert second.txid != first.txid
    assert second.inputs == first.inputs
    assert second.fee_minor > first.fee_minor
    before, after = outputs(regtest, first.raw_tx), outputs(regtest, second.raw_tx)
    assert [before[vout] for vout in first.payment_vouts] == [after[vout] for vout in second.payment_vouts]
    assert first.txid in chain.mempool()  # nothing was sent yet
    assert chain.broadcast(second.raw_tx) == BroadcastAnswer("accepted")
    assert first.txid not in chain.mempool()
    assert chain.broadcast(first.raw_tx).outcome == "rejected"
    third = chain.bump(second, fee_max_minor=CAP, fee_rate_minor_per_kvb=300_000)
    assert chain.broadcast(third.raw_tx).outcome == "accepted"
    regtest.mine()
    located = eventually(lambda: at if (at := chain.locate(first.txid)) is not None and at.confirmations < 0 else None)
    assert located.conflicted_by == third.txid
    assert not located.in_mempool


def test_a_bump_outbids_what_others_built_on_top(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name)
    theirs = regtest.ask("getnewaddress", wallet=RICH_WALLET)
    first = chain.build([Payment(theirs, COIN)], fee_max_minor=CAP)
    chain.broadcast(first.raw_tx)
    spend = regtest.ask(
        "createrawtransaction",
        [{"txid": first.txid, "vout": first.payment_vouts[0]}],
        [{regtest.ask("getnewaddress", wallet=RICH_WALLET): "0.99"}],
    )
    signed = regtest.ask("signrawtransactionwithwallet", spend, wallet=RICH_WALLET)
    regtest.ask("sendrawtransaction", signed["hex"], 0)
    second = chain.bump(first, fee_max_minor=CAP)
    assert second.fee_minor > COIN // 100
    assert chain.broadcast(second.raw_tx) == BroadcastAnswer("accepted")


def test_a_bump_above_the_cap_or_beyond_the_change_is_refused(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name, "1")
    first = build(chain, COIN - 40_000)
    with pytest.raises(FeeAboveCap):
        chain.bump(first, fee_max_minor=first.fee_minor)
    with pytest.raises(BumpImpossible):
        chain.bump(first, fee_max_minor=CAP, fee_rate_minor_per_kvb=1_000_000)
    with pytest.raises(BumpImpossible):
        chain.bump(replace(first, change_vout=None), fee_max_minor=CAP)


def test_the_holding_is_read_with_its_block(regtest: RegtestNode, name: str) -> None:
    chain = regtest.wallet(name, "3")
    tip = chain.tip()
    held = chain.holding()
    assert (held.trusted_minor, held.unconfirmed_minor, held.immature_minor) == (3 * COIN, 0, 0)
    assert (held.height, held.hash) == (tip.height, tip.hash)
    (new,) = chain.new_addresses(1)
    regtest.fund(new.address, "0.12345678", confirm=False)
    eventually(lambda: chain.holding().unconfirmed_minor == 12_345_678)
    regtest.mine(to=new.address)
    assert chain.holding().immature_minor > 0


def test_a_transaction_that_a_reorganisation_removed_is_known_and_comes_back(own_regtest: RegtestNode) -> None:
    own_regtest.make_rich()
    chain = own_regtest.wallet("mover")
    built = build(chain, COIN)
    chain.broadcast(built.raw_tx)
    (block,) = own_regtest.mine()
    eventually(lambda: (at := chain.locate(built.txid)) is not None and at.confirmations == 1)
    own_regtest.ask("invalidateblock", block)
    located = eventually(lambda: at if (at := chain.locate(built.txid)) is not None and at.in_mempool else None)
    assert located.confirmations == 0
    assert located.block_hash is None
    assert chain.broadcast(built.raw_tx).outcome in {"accepted", "already_known"}
    own_regtest.mine()
    eventually(lambda: (at := chain.locate(built.txid)) is not None and at.confirmations == 1)


def test_addresses_of_every_kind_are_read_as_the_node_reads_them(regtest: RegtestNode) -> None:
    for kind in ("legacy", "p2sh-segwit", "bech32"):
        address = regtest.ask("getnewaddress", "", kind, wallet=RICH_WALLET)
        info = regtest.ask("getaddressinfo", address, wallet=RICH_WALLET)
        parsed = parse_address(address, regtest.network)
        assert (parsed.text, parsed.script.hex()) == (address, info["scriptPubKey"])

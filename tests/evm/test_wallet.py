"""Paying from one account: nonces that are stored first, fees under a cap, and what became of what was sent."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.evm.transactions import Transaction
from domain.chain_facts import OutPoint
from domain.evm.networks import EVM_NETWORKS, GWEI, WEI
from domain.node_refusals import (
    BumpImpossible,
    ChainUncertain,
    FeeAboveCap,
    InsufficientHotFunds,
    NodeError,
    PaymentTooSmall,
    WalletLocked,
    WalletNotLoaded,
)
from domain.wallet_facts import Payment
from tests.contracts import Contract, compiled
from tests.evm.between import Between, Forward, HungUp, refuse
from tests.evm.world import CAP, STRANGER, World
from wiring.embedded.anvil import AnvilServer


def test_a_payment_is_signed_without_being_sent_and_pays_what_was_asked(world: World) -> None:
    world.fund()
    [new] = world.chain.new_addresses(1)
    payment = world.build(new.address, WEI)
    assert payment.inputs == (OutPoint(world.account, 0),)
    assert world.chain.locate(payment.txid) is None
    assert world.send(payment) == "accepted"
    assert world.balance(new.address) == WEI
    located = world.chain.locate(payment.txid)
    assert located is not None
    assert (located.confirmations, located.block_height) == (1, world.height())
    own = world.own_transaction()
    assert own.txid == payment.txid
    assert own.fee_minor is not None
    assert own.fee_minor <= payment.fee_minor


def test_a_token_that_says_no_without_failing_is_not_paid_with(world: World) -> None:
    """The transaction would succeed and move nothing: a withdrawal would be completed that nobody got."""
    world.fund()
    token = world.token("Refusing")
    token.transfer(world.hot.address, 1_000)
    token.send("close(bool)", True)
    with pytest.raises(NodeError, match="refuses"):
        world.build(STRANGER, 10, token.address)
    token.send("close(bool)", False)
    assert world.send(world.build(STRANGER, 10, token.address)) == "accepted"


@pytest.mark.parametrize("kind", ["Honest", "Silent"])
def test_tokens_are_paid_whether_or_not_their_transfer_returns_something(world: World, kind: str) -> None:
    world.fund()
    token = world.token(kind)
    token.transfer(world.hot.address, 1_000)
    [new] = world.chain.new_addresses(1)
    assert world.send(world.build(new.address, 600, token.address)) == "accepted"
    [output] = world.outputs([token.address])
    assert (output.script, output.amount_minor, output.contract) == (new.script, 600, token.address.lower())
    assert world.chain.holding(token.address, unswept=[new.address]).trusted_minor == 400
    assert world.chain.holding(token.address, unswept=[new.address]).unswept_minor == 600


def test_the_next_nonce_is_beyond_every_one_that_is_stored(world: World, held: AnvilServer) -> None:
    world.fund()
    first = world.build(STRANGER, 1)
    second = world.build(STRANGER, 2, avoid=first.inputs)
    third = world.build(STRANGER, 3, avoid=[*first.inputs, *second.inputs, OutPoint("0x" + "11" * 20, 77)])
    assert [one.inputs[0].vout for one in (first, second, third)] == [0, 1, 2]
    # Sent in the wrong order they wait for each other, and all confirm.
    assert [world.send(one) for one in (third, first, second)] == ["accepted"] * 3
    held.mine()
    assert [one.txid for one in world.block().transactions if one.spends] == [first.txid, second.txid, third.txid]


def test_the_cap_is_the_most_a_payment_can_cost(world: World) -> None:
    world.fund()
    world.anvil.call("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    world.anvil.mine()
    lasting = world.build(STRANGER, 1)
    tight = world.chain.build([Payment(STRANGER, 1)], fee_max_minor=lasting.fee_minor * 3 // 4)
    assert tight.fee_minor <= lasting.fee_minor * 3 // 4
    assert world.send(tight) == "accepted"
    with pytest.raises(FeeAboveCap):
        world.chain.build([Payment(STRANGER, 1)], fee_max_minor=21_000)


def test_insufficient_coin_or_token_is_reported_before_anything_is_signed(world: World) -> None:
    token = world.token()
    world.fund(WEI)
    with pytest.raises(InsufficientHotFunds):
        world.build(STRANGER, WEI)  # nothing left for gas
    with pytest.raises(InsufficientHotFunds):
        world.build(STRANGER, 2 * WEI)
    with pytest.raises(InsufficientHotFunds, match="token"):
        world.build(STRANGER, 5, token.address)
    token.transfer(world.hot.address, 5)
    world.fund(1000)
    with pytest.raises(InsufficientHotFunds, match="gas"):
        world.build(STRANGER, 5, token.address)
    with pytest.raises(PaymentTooSmall):
        world.build(STRANGER, 0)


def test_a_recipient_that_takes_no_coins_is_said_to_refuse(world: World) -> None:
    world.fund()
    with pytest.raises(NodeError, match="refuses this payment"):
        world.build(world.token().address, WEI)


def test_a_stuck_payment_is_replaced_at_the_same_nonce_for_an_eighth_more(world: World, held: AnvilServer) -> None:
    world.fund()
    [new] = world.chain.new_addresses(1)
    stuck = world.build(new.address, WEI)
    world.send(stuck)
    faster = world.chain.bump(stuck, fee_max_minor=CAP)
    before, after = Transaction.read(stuck.raw_tx), Transaction.read(faster.raw_tx)
    assert faster.inputs == stuck.inputs
    assert (after.recipient, after.value_minor, after.data) == (before.recipient, before.value_minor, before.data)
    assert after.max_fee_minor * 8 >= before.max_fee_minor * 9
    assert after.priority_fee_minor * 8 >= before.priority_fee_minor * 9
    assert world.send(faster) == "accepted"
    assert world.send(stuck) == "rejected"  # the dearer one is in its place
    held.mine()
    assert world.own_transaction().txid == faster.txid
    assert world.balance(new.address) == WEI
    with pytest.raises(BumpImpossible):
        world.chain.bump(stuck, fee_max_minor=CAP)
    with pytest.raises(FeeAboveCap):
        world.chain.bump(world.build(STRANGER, 1), fee_max_minor=21_000)


def test_cancelling_uses_up_the_nonce_and_pays_nobody(world: World, held: AnvilServer) -> None:
    world.fund()
    token = world.token()
    token.transfer(world.hot.address, 1_000)
    held.mine()
    stuck = world.build(STRANGER, 600, token.address)
    world.send(stuck)
    nothing = world.chain.cancel(stuck, fee_max_minor=CAP)
    assert nothing.inputs == stuck.inputs
    assert world.send(nothing) == "accepted"
    held.mine()
    own = world.own_transaction()
    assert (own.txid, own.outputs, own.spends) == (nothing.txid, (), stuck.inputs)
    # What lost is not taken any more, and the other one is the proof why.
    assert world.send(stuck) == "rejected"
    located = world.chain.locate(stuck.txid)
    assert located is not None
    assert (located.confirmations, located.conflicted_by) == (-1, nothing.txid)
    assert world.chain.holding(token.address).trusted_minor == 1_000


def test_another_transaction_with_our_nonce_is_found_though_blocks_went_by(world: World) -> None:
    world.fund()
    ours = world.build(STRANGER, 1)
    theirs = world.build(STRANGER, 2)
    world.send(theirs)
    world.anvil.mine(7)
    assert world.send(ours) == "rejected"
    located = world.chain.locate(ours.txid)
    assert located is not None
    assert (located.confirmations, located.conflicted_by) == (-9, theirs.txid)


def test_offering_again_is_harmless_whether_it_waits_or_is_in_a_block(world: World, held: AnvilServer) -> None:
    world.fund()
    payment = world.build(STRANGER, WEI)
    assert [world.send(payment) for _ in range(3)] == ["accepted", "already_known", "already_known"]
    located = world.chain.locate(payment.txid)
    assert located is not None
    assert located.in_mempool
    held.mine()
    assert world.send(payment) == "already_known"


def test_a_mined_payment_that_failed_has_no_output_and_still_used_its_nonce(world: World, held: AnvilServer) -> None:
    world.fund()
    token = world.token()
    token.transfer(world.hot.address, 100)
    held.mine()
    first = world.build(STRANGER, 80, token.address)
    second = world.build(STRANGER, 80, token.address, avoid=first.inputs)
    world.send(first)
    world.send(second)
    held.mine()
    told = {one.txid: one for one in world.block([token.address]).transactions}
    assert told[first.txid].succeeded
    assert not told[second.txid].succeeded
    assert told[second.txid].outputs == ()
    assert told[second.txid].spends == second.inputs
    assert told[second.txid].fee_minor


def test_gas_that_runs_short_after_signing_is_reported_and_nothing_is_sent(world: World) -> None:
    world.fund()
    payment = world.build(STRANGER, WEI)
    world.fund(1)
    with pytest.raises(InsufficientHotFunds):
        world.send(payment)
    world.fund()
    assert world.send(payment) == "accepted"


def test_an_answer_that_is_lost_is_uncertain_and_the_next_offer_finds_it(
    world: World, between: Callable[[], Between]
) -> None:
    """The node took the payment, and the connection broke before it could say so."""
    world.fund()
    bad = between()

    def heard_and_gone(params: list[object], forward: Forward) -> None:
        forward("eth_sendRawTransaction", params)
        raise HungUp

    bad.rules["eth_sendRawTransaction"] = heard_and_gone
    chain = world.reached_at(bad.url)
    payment = chain.build([Payment(STRANGER, 5)], fee_max_minor=CAP)
    with pytest.raises(ChainUncertain):
        chain.broadcast(payment.raw_tx)
    assert bad.asked.count("eth_sendRawTransaction") == 1
    assert world.send(payment) == "already_known"
    assert world.own_transaction().txid == payment.txid


def test_a_lost_answer_is_not_turned_into_a_certain_refusal_by_another_node(
    world: World, between: Callable[[], Between]
) -> None:
    world.fund()
    gone, poor = between(), between()

    def hang_up(params: list[object], forward: Forward) -> None:
        raise HungUp

    gone.rules["eth_sendRawTransaction"] = hang_up
    poor.rules["eth_sendRawTransaction"] = refuse(-32000, "insufficient funds for gas * price + value")
    chain = world.reached_at(gone.url, poor.url)
    payment = world.build(STRANGER, 5)
    with pytest.raises(ChainUncertain):
        chain.broadcast(payment.raw_tx)
    # The other order is certain: nobody ever heard it.
    with pytest.raises(InsufficientHotFunds):
        world.reached_at(poor.url).broadcast(payment.raw_tx)


def test_the_hot_key_is_opened_by_its_password_alone(world: World) -> None:
    with pytest.raises(WalletLocked):
        world.reached_at(world.anvil.rpc_url, keystore_password="wrong").ensure_wallet()
    with pytest.raises(WalletNotLoaded):
        world.reached_at(world.anvil.rpc_url, keystore=None).ensure_wallet()
    with pytest.raises(WalletNotLoaded):
        world.reached_at(world.anvil.rpc_url, deposit_xpub=world.deposits.write()).ensure_wallet()
    world.chain.ensure_wallet()
    assert world.chain.account == world.hot.address.lower()
    assert world.hot.secret.hex() not in repr(world.chain) + repr(world.hot) + repr(world.chain._client.endpoint)


def test_publishing_elsewhere_is_paid_for_where_the_network_charges_it(world: World) -> None:
    """The OP stack's own fee counts against the cap and the funds, beside gas."""
    oracle = Contract(world.anvil, "Oracle")
    code = world.anvil.call("eth_getCode", oracle.address, "latest")
    assert compiled("Oracle")
    world.anvil.call("anvil_setCode", "0x420000000000000000000000000000000000000F", code)
    charging = replace(EVM_NETWORKS["anvil"], has_data_fee=True)
    world.fund()
    plain = world.build(STRANGER, 5)
    dearer = world.reached_at(world.anvil.rpc_url, network=charging).build([Payment(STRANGER, 5)], fee_max_minor=CAP)
    assert 1_000 < dearer.fee_minor - plain.fee_minor < 5_000


def test_a_payment_of_a_key_that_is_not_the_wallets_any_more_cannot_be_replaced(world: World) -> None:
    world.fund()
    payment = world.build(STRANGER, 1)
    other = "0x" + "11" * 20
    strange = replace(payment, inputs=(OutPoint(other, payment.inputs[0].vout),))
    with pytest.raises(BumpImpossible):
        world.chain.bump(strange, fee_max_minor=CAP)
    with pytest.raises(BumpImpossible):
        world.chain.cancel(strange, fee_max_minor=CAP)

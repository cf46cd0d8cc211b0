"""Moving deposits to the hot wallet from the one machine that holds their keys."""

import pytest

from adapters.evm.keys import ExtendedPrivateKey
from adapters.evm.keystore import seal
from domain.evm.networks import WEI
from domain.node_refusals import InsufficientHotFunds, WalletNotLoaded
from tests.evm.world import CAP, PASSWORD, QUICK, World


def test_a_coin_is_swept_to_the_last_unit_that_its_fee_leaves(world: World) -> None:
    [new] = world.chain.new_addresses(1, first_index=7)
    world.anvil.pay(new.address, WEI)
    sweep = world.chain.build_sweep(7, contract="", amount_minor=WEI, fee_max_minor=CAP)
    assert sweep.inputs == ((new.address.lower(), 0),)
    assert world.send(sweep) == "accepted"
    assert world.balance(world.hot.address) == WEI - sweep.fee_minor
    left = world.balance(new.address)
    assert 0 <= left < sweep.fee_minor
    assert world.chain.holding(unswept=[new.address]).unswept_minor == left


def test_a_token_waits_for_gas_is_topped_up_and_is_swept(world: World) -> None:
    token = world.token()
    [new] = world.chain.new_addresses(1, first_index=3)
    token.transfer(new.address, 900)
    with pytest.raises(InsufficientHotFunds):
        world.chain.build_sweep(3, contract=token.address, amount_minor=900, fee_max_minor=CAP)
    cost = world.chain.sweep_cost(3, contract=token.address, amount_minor=900)
    assert (cost.coin_minor, cost.missing_minor) == (0, cost.fee_minor)
    world.fund()
    assert world.send(world.build(new.address, 2 * cost.missing_minor)) == "accepted"
    sweep = world.chain.build_sweep(3, contract=token.address, amount_minor=900, fee_max_minor=CAP)
    assert world.send(sweep) == "accepted"
    assert world.chain.holding(token.address, unswept=[new.address]).trusted_minor == 900
    faster = world.chain.bump_sweep(
        3,
        world.chain.build_sweep(3, contract="", amount_minor=WEI, fee_max_minor=CAP),
        fee_max_minor=CAP,
    )
    assert faster.inputs == ((new.address.lower(), 1),)


def test_only_the_machine_with_the_right_keystore_sweeps(world: World) -> None:
    assert world.chain.can_sweep
    without = world.reached_at(world.anvil.rpc_url, sweep_keystore=None)
    assert not without.can_sweep
    with pytest.raises(WalletNotLoaded, match="not on this machine"):
        without.sweep_key(0)
    stranger = ExtendedPrivateKey.generate()
    world.sweep_keystore.write_text(seal(stranger.write().encode(), PASSWORD, strength=QUICK))
    with pytest.raises(WalletNotLoaded, match="does not own"):
        world.reached_at(world.anvil.rpc_url).sweep_key(0)

"""The private chain of accounts: kept between starts, and refused by name where there is none."""

from pathlib import Path

import pytest

from adapters.evm.chain import EvmChain
from adapters.evm.endpoint import EvmEndpoint
from domain.evm.networks import EVM_NETWORKS
from tests.evm.world import STRANGER
from wiring.embedded.anvil import AnvilServer, CallRefused
from wiring.embedded.anvil_keys import ensure_keys
from wiring.embedded.process import ServerFailed


def test_a_private_chain_keeps_its_blocks_between_starts(tmp_path: Path) -> None:
    first = AnvilServer(tmp_path / "anvil")
    first.start()
    first.pay(STRANGER, 12345)
    height = first.call("eth_blockNumber")
    first.stop()
    second = AnvilServer(tmp_path / "anvil")
    second.start()
    try:
        assert second.call("eth_blockNumber") == height
        assert int(second.call("eth_getBalance", STRANGER, "latest"), 16) == 12345
        with pytest.raises(CallRefused):
            second.call("eth_no_such_thing")
    finally:
        second.stop()


def test_a_program_that_does_not_serve_is_reported_as_failed(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed):
        AnvilServer(tmp_path / "anvil", program="false").start()


def test_its_keys_are_made_once_and_belong_together(tmp_path: Path) -> None:
    keys = ensure_keys(tmp_path / "anvil")
    assert ensure_keys(tmp_path / "anvil") == keys
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "anvil").iterdir()} == {0o600}
    endpoint = EvmEndpoint(
        urls=("http://127.0.0.1:9",),
        keystore=keys.keystore,
        keystore_password=keys.password.reveal(),
        deposit_xpub=keys.xpub,
        sweep_keystore=keys.sweep_keystore,
        sweep_password=keys.password.reveal(),
    )
    chain = EvmChain(endpoint, EVM_NETWORKS["anvil"])
    chain.ensure_wallet()
    assert chain.account == keys.account.lower()
    [new] = chain.new_addresses(1, first_index=4)
    assert chain.sweep_key(4).address == new.address

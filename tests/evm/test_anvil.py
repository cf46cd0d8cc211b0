"""The private chain of accounts: kept between starts, and refused by name where there is none."""

from pathlib import Path

import pytest

from tests.evm.world import STRANGER
from wiring.embedded.anvil import AnvilServer, CallRefused
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


def test_a_program_that_does_not_serve_is_said_to_have_failed(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed):
        AnvilServer(tmp_path / "anvil", program="false").start()

"""Misbehaving tokens, compiled from source by the tests that use them."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import vyper
from eth_abi.abi import encode

from domain.evm.keccak import keccak256
from wiring.embedded.anvil import AnvilServer

FOLDER = Path(__file__).parent


@cache
def compiled(name: str) -> str:
    """The bytecode of this contract, in hexadecimal after 0x."""
    code: str = vyper.compile_code((FOLDER / f"{name}.vy").read_text(), output_formats=["bytecode"])["bytecode"]
    return code


class Contract:
    """A contract on the private chain, deployed by the outsider."""

    def __init__(self, anvil: AnvilServer, name: str, types: Sequence[str] = (), *arguments: Any) -> None:
        self.anvil = anvil
        txid = anvil.send(None, data=compiled(name) + encode(list(types), list(arguments)).hex())
        if not anvil.mines_at_once:
            anvil.mine()
        self.address: str = anvil.call("eth_getTransactionReceipt", txid)["contractAddress"]

    def send(self, signature: str, *arguments: Any, priority_fee_minor: int | None = None) -> str:
        """Call a function as the outsider; returns the transaction's hash."""
        types = signature.removesuffix(")").partition("(")[2].split(",")
        data = keccak256(signature.encode())[:4] + encode([one for one in types if one], list(arguments))
        return self.anvil.send(self.address, data="0x" + data.hex(), priority_fee_minor=priority_fee_minor)

    def transfer(self, to: str, amount_minor: int) -> str:
        """Transfer tokens as the outsider."""
        return self.send("transfer(address,uint256)", to, amount_minor)

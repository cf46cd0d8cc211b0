"""Balances of accounts: the calls, and how their answers are read."""

from collections.abc import Mapping
from typing import Final

from adapters.evm.coding import WORD, balance_data
from adapters.evm.transport import Call
from domain.evm.addresses import spell_address
from domain.node_refusals import NodeError

GAS_MAX: Final = 2_000_000
"""More gas than any balance takes, and too little for an answer of many megabytes."""


def balance_call(contract: str, holder: bytes, at: str | Mapping[str, str]) -> Call:
    """The call for an account's balance of a token, at a block given by its hash (EIP-1898) or by name."""
    return Call("eth_call", ({"to": contract, "data": "0x" + balance_data(holder).hex(), "gas": hex(GAS_MAX)}, at))


def coin_call(holder: bytes, at: str | Mapping[str, str]) -> Call:
    """The question what an account holds of the coin."""
    return Call("eth_getBalance", (spell_address(holder), at))


def token_balance(answer: str) -> int:
    """The balance in an answer; 0 for an empty one, which means that the contract did not exist yet.

    Only the first word of a longer answer counts, as for contracts. Raises NodeError for one shorter than a word.
    """
    data = bytes.fromhex(answer.removeprefix("0x"))
    if not data:
        return 0
    if len(data) < WORD:
        raise NodeError(f"a token answers {len(data)} bytes where a balance belongs")
    return int.from_bytes(data[:WORD])

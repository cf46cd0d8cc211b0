"""What an account holds: the questions, and how the answers are read."""

from collections.abc import Mapping
from typing import Final

from adapters.evm.coding import WORD, balance_data
from adapters.evm.transport import Call
from domain.evm.addresses import spell_address
from domain.node_refusals import NodeError

GAS_MAX: Final = 2_000_000
"""More than any balance takes, and too little for an answer of many megabytes."""


def balance_call(contract: str, holder: bytes, at: str | Mapping[str, str]) -> Call:
    """The question what an account holds of a token, at a block by its hash (EIP-1898) or under a name."""
    return Call("eth_call", ({"to": contract, "data": "0x" + balance_data(holder).hex(), "gas": hex(GAS_MAX)}, at))


def coin_call(holder: bytes, at: str | Mapping[str, str]) -> Call:
    """The question what an account holds of the coin."""
    return Call("eth_getBalance", (spell_address(holder), at))


def token_balance(answer: str) -> int:
    """The balance in an answer; a contract that was not there yet answers nothing, and holds nothing.

    Of a longer answer the first word counts, as contracts read it. Raises NodeError for one that holds no word.
    """
    data = bytes.fromhex(answer.removeprefix("0x"))
    if not data:
        return 0
    if len(data) < WORD:
        raise NodeError(f"a token answers {len(data)} bytes where a balance belongs")
    return int.from_bytes(data[:WORD])

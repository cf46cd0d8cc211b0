"""Network fees: the base fee that is burnt and the priority fee on top (EIP-1559)."""

from dataclasses import dataclass
from statistics import median_low
from typing import Any, Final

from adapters.evm.client import EvmClient, to_int
from adapters.evm.coding import L1_FEE, bytes_data
from adapters.evm.transactions import Transaction
from adapters.evm.transport import Call
from domain.node_refusals import FeeUnknown

BLOCKS_LOOKED_AT: Final = 20
_MIDDLE: Final = 50
FEE_CALL: Final = Call("eth_feeHistory", (hex(BLOCKS_LOOKED_AT), "latest", [_MIDDLE]))
GAS_PRICE_ORACLE: Final = "0x420000000000000000000000000000000000000F"
"""The contract that tells a transaction's data fee, on every OP-stack chain."""
_SIGNATURE_SIZE: Final = 68


@dataclass(frozen=True, slots=True)
class FeeLevel:
    """The fees of the next block, in smallest units per unit of gas."""

    base_minor: int
    priority_minor: int

    @property
    def lasting_minor(self) -> int:
        """A maximum fee that stays sufficient through about six full blocks in a row."""
        return 2 * self.base_minor + self.priority_minor

    @property
    def least_minor(self) -> int:
        """The least maximum fee that suffices for one of the next two blocks, however full they are."""
        return self.base_minor * 9 // 8 + self.priority_minor


def fee_level(history: Any, *, priority_min_minor: int) -> FeeLevel:
    """The level in the answer to FEE_CALL. Raises FeeUnknown when the answer has no fees."""
    bases = history.get("baseFeePerGas") if isinstance(history, dict) else None
    if not bases:
        raise FeeUnknown
    paid = [to_int(rewards[0]) for rewards in history.get("reward") or () if rewards]
    priority = median_low(paid) if paid else priority_min_minor
    return FeeLevel(to_int(bases[-1]), max(priority, priority_min_minor))


def data_fee(client: EvmClient, transaction: Transaction) -> int:
    """The most an OP-stack chain may charge for publishing it: twice the present price, which varies."""
    if not client.network.has_data_fee:
        return 0
    told = bytes_data(L1_FEE, transaction.unsigned() + b"\xff" * _SIGNATURE_SIZE)
    return 2 * to_int(client.read("eth_call", {"to": GAS_PRICE_ORACLE, "data": "0x" + told.hex()}, "latest"))

"""Senders: the account that a transfer was made from, and the one that signed the transaction."""

from typing import Any

from adapters.evm.client import EvmClient
from adapters.evm.coding import TRANSFER_TOPIC
from domain.evm.addresses import spell_address
from domain.node_refusals import NodeLagging

_TOPICS_OF_A_TRANSFER = 3


class EvmSenders:
    """Reads senders from the nodes (implements `domain.ports.SenderReader` together with the chain)."""

    def __init__(self, client: EvmClient) -> None:
        self._client = client

    def senders(self, txid: str, vout: int, block_hash: str | None) -> tuple[str, ...]:
        """The transaction's sender and, for a token transfer, the account that the tokens left. Raises ChainError."""
        receipt = self._client.read("eth_getTransactionReceipt", txid)
        if receipt is None or (block_hash is not None and receipt["blockHash"] != block_hash):
            raise NodeLagging(f"the node does not know transaction {txid} in that block")
        found = {str(receipt["from"])}
        found |= {_payer(log) for log in receipt["logs"][vout : vout + 1] if vout >= 0 and _is_transfer(log)}
        return tuple(sorted(spell_address(bytes.fromhex(address[2:])) for address in found))


def _is_transfer(log: dict[str, Any]) -> bool:
    return len(log["topics"]) >= _TOPICS_OF_A_TRANSFER and bool(log["topics"][0] == TRANSFER_TOPIC)


def _payer(log: dict[str, Any]) -> str:
    return "0x" + str(log["topics"][1])[-40:]

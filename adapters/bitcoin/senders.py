"""Senders: the addresses of the outputs that a transaction spends."""

from typing import Any, Final

from adapters.bitcoin.client import NodeClient
from adapters.bitcoin.refusals import NOT_FOUND
from domain.addresses import address_of_script
from domain.networks import Network
from domain.node_refusals import NodeError
from domain.spent_scripts import spent_script

_WITH_SPENT_OUTPUTS: Final = 2


class BitcoinSenders:
    """Reads senders from a node (implements `domain.ports.SenderReader` together with the chain)."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client

    @property
    def rail(self) -> Network:
        """The network, as every family names it."""
        return self._client.network

    def senders(self, txid: str, vout: int, block_hash: str | None) -> tuple[str, ...]:  # noqa: ARG002 - one for all
        """The addresses of all inputs; an output without an address is named by its script.

        Bitcoin Core 25 and later tells what was spent. With other nodes it is read from the input itself, except for
        Taproot, which takes a transaction index; raises NodeError where the node has none.
        """
        params = [txid, _WITH_SPENT_OUTPUTS] if block_hash is None else [txid, _WITH_SPENT_OUTPUTS, block_hash]
        inputs = self._client.read("getrawtransaction", *params)["vin"]
        return tuple(sorted({self._payer(spent) for spent in inputs if "coinbase" not in spent}))

    def _payer(self, spent: dict[str, Any]) -> str:
        script = _script(spent)
        if script is None and "txid" in spent:
            script = self._indexed(spent["txid"], spent["vout"])
        if script is None:
            raise NodeError("the node cannot tell whose outputs this transaction spends")
        return address_of_script(script, self._client.network) or f"script:{script.hex()}"

    def _indexed(self, txid: str, vout: int) -> bytes | None:
        try:
            outputs = self._client.read("getrawtransaction", txid, 1)["vout"]
        except NodeError as refusal:
            if refusal.rpc_code == NOT_FOUND:
                return None
            raise
        return bytes.fromhex(outputs[vout]["scriptPubKey"]["hex"])


def _script(spent: dict[str, Any]) -> bytes | None:
    known = spent.get("prevout", {}).get("scriptPubKey")
    if known is not None:
        return bytes.fromhex(known["hex"])
    signature_script = bytes.fromhex(spent.get("scriptSig", {}).get("hex", ""))
    return spent_script(signature_script, [bytes.fromhex(item) for item in spent.get("txinwitness", [])])

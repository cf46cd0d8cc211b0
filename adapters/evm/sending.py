"""Submit signed transactions, and locate them afterwards."""

from collections import OrderedDict
from typing import Any, Final

from adapters.evm.client import EvmClient, to_int
from adapters.evm.refusals import HistoryMissing
from adapters.evm.transactions import txid_of
from adapters.evm.transport import Call
from domain.chain_facts import Located
from domain.errors import ensure
from domain.node_refusals import ChainError, InsufficientHotFunds, NodeError
from domain.wallet_facts import BroadcastAnswer

OFFERED_KEPT: Final = 256
LOOKED_BACK: Final = 100
"""How many blocks back the transaction with a nonce is looked for: about as far as nodes other than archives go."""
# Parts of the messages of geth, Erigon, Nethermind, Besu, Bor and anvil.
_KNOWN: Final = ("already known", "known transaction", "already imported", "alreadyknown", "already exists")
_NONCE_USED: Final = ("nonce too low", "oldnonce", "nonce is too low", "invalid nonce")
_TOO_POOR: Final = ("insufficient funds", "insufficientfunds", "upfront cost exceeds", "insufficient balance")


class Sender:
    """Submits transactions of one wallet; keeps for a while which account and nonce each one uses."""

    def __init__(self, client: EvmClient) -> None:
        self._client = client
        self._offered: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def broadcast(self, raw_tx: str, *, account: str, nonce: int) -> BroadcastAnswer:
        """Submit these bytes, to one node after the other until one answers. Safe to repeat.

        Raises ChainUncertain when none did, InsufficientHotFunds when the account cannot pay for the gas now.
        """
        txid = txid_of(raw_tx)
        self._offered[txid] = account, nonce
        while len(self._offered) > OFFERED_KEPT:
            self._offered.popitem(last=False)
        try:
            answer = self._client.order("eth_sendRawTransaction", raw_tx, tells=_tells)
        except NodeError as refusal:
            return self._understood(refusal, txid)
        ensure(answer == txid, "a node names a transaction by the digest of its bytes")
        return BroadcastAnswer("accepted")

    def locate(self, txid: str) -> Located | None:
        """Where a transaction is, and which other one used its nonce, if one did in a recent block.

        None when no node knows it, which does not prove that it was never sent.
        """
        calls = [
            Call("eth_getTransactionReceipt", (txid,)),
            Call("eth_getTransactionByHash", (txid,)),
            Call("eth_blockNumber", ()),
        ]
        receipt, transaction, newest = self._client.read_batch(calls)
        if receipt is not None:
            height = to_int(receipt["blockNumber"])
            depth = max(1, to_int(newest) - height + 1)
            return Located(depth, receipt["blockHash"], height, in_mempool=False, conflicted_by=None)
        if transaction is not None:
            return Located(0, None, None, in_mempool=True, conflicted_by=None)
        return self._conflict(txid, to_int(newest))

    def _understood(self, refusal: NodeError, txid: str) -> BroadcastAnswer:
        words = str(refusal).lower()
        if any(part in words for part in _KNOWN):
            return BroadcastAnswer("already_known", str(refusal))
        if any(part in words for part in _TOO_POOR):
            raise InsufficientHotFunds(str(refusal)) from refusal
        if any(part in words for part in _NONCE_USED):
            located = self.locate(txid)  # by us, in a block already, or by another transaction
            if located is not None and (located.confirmations > 0 or located.in_mempool):
                return BroadcastAnswer("already_known", str(refusal))
        return BroadcastAnswer("rejected", str(refusal))

    def _conflict(self, txid: str, newest: int) -> Located | None:
        """The transaction in a recent block that used the same nonce, found by a binary search on account nonces."""
        if txid not in self._offered:
            return None
        account, nonce = self._offered[txid]
        try:
            if self._count(account, newest) <= nonce:
                return None
            low, high = max(0, newest - LOOKED_BACK), newest
            if self._count(account, low) > nonce:
                return None  # further back than nodes remember
            while high - low > 1:
                middle = (low + high) // 2
                if self._count(account, middle) > nonce:
                    high = middle
                else:
                    low = middle
        except HistoryMissing:
            return None
        block = self._client.read("eth_getBlockByNumber", hex(high), True)
        other = next((one for one in block["transactions"] if _uses(one, account, nonce)), None)
        if other is None or other["hash"] == txid:
            return None
        return Located(-(newest - high + 1), None, high, in_mempool=False, conflicted_by=other["hash"])

    def _count(self, account: str, height: int) -> int:
        return to_int(self._client.read("eth_getTransactionCount", account, hex(height)))


def _uses(transaction: dict[str, Any], account: str, nonce: int) -> bool:
    return bool(transaction["from"].lower() == account and to_int(transaction["nonce"]) == nonce)


def _tells(refusal: ChainError) -> bool:
    """Whether a refusal shows that these bytes had arrived already, when an earlier answer was lost."""
    words = str(refusal).lower()
    return any(part in words for part in (*_KNOWN, *_NONCE_USED))

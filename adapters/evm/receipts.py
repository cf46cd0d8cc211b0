"""Whole blocks with the receipts of all their transactions, each from one node, checked for consistency."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.evm.client import EvmClient, demanded
from adapters.evm.refusals import AnswerTooLarge, HistoryMissing, MethodMissing
from adapters.evm.transport import Call
from domain.node_refusals import ChainError, NodeError, NodeLagging

BLOCKS_PER_CALL: Final = 10


@dataclass(frozen=True, slots=True)
class FullBlock:
    """One block as the node gives it, and the receipt of each of its transactions by id."""

    header: Mapping[str, Any]
    receipts: Mapping[str, Mapping[str, Any]]


class BlockReader:
    """Reads blocks by hash; from a node without `eth_getBlockReceipts`, receipt by receipt."""

    def __init__(self, client: EvmClient) -> None:
        self._client = client
        self._whole = True

    def read(self, hashes: Sequence[str]) -> list[FullBlock]:
        """These blocks, in this order. Raises NodeLagging when a node lacks one, or a part of it.

        Every transaction of a block must have its receipt: an empty answer is no empty block.
        """
        blocks: list[FullBlock] = []
        per_call = BLOCKS_PER_CALL
        while len(blocks) < len(hashes):
            some = hashes[len(blocks) : len(blocks) + per_call]
            try:
                blocks += self._some(some)
            except AnswerTooLarge:
                if len(some) == 1:
                    raise
                per_call = max(1, len(some) // 2)
        return blocks

    def _some(self, hashes: Sequence[str]) -> list[FullBlock]:
        if self._whole:
            try:
                return self._client.read_as(_questions(hashes), lambda answers: _paired(hashes, answers))
            except MethodMissing:
                self._whole = False
        return self._client.read_as(
            [_block_call(one) for one in hashes], lambda answers: self._one_by_one(hashes, answers)
        )

    def _one_by_one(self, hashes: Sequence[str], answers: list[Any]) -> list[FullBlock]:
        found = []
        for block_hash, header in zip(hashes, demanded(answers), strict=True):
            _refuse_absent(block_hash, header)
            wanted = [transaction["hash"] for transaction in header["transactions"]]
            receipts = self._client.read_batch([Call("eth_getTransactionReceipt", (txid,)) for txid in wanted])
            found.append(_checked(block_hash, header, receipts))
        return found


def _questions(hashes: Collection[str]) -> list[Call]:
    return [call for one in hashes for call in (_block_call(one), Call("eth_getBlockReceipts", (one,)))]


def _block_call(block_hash: str) -> Call:
    return Call("eth_getBlockByHash", (block_hash, True))


def _paired(hashes: Sequence[str], answers: list[Any | ChainError]) -> list[FullBlock]:
    found = []
    for place, block_hash in enumerate(hashes):
        header, receipts = demanded(answers[2 * place : 2 * place + 2])
        _refuse_absent(block_hash, header)
        found.append(_checked(block_hash, header, receipts))
    return found


def _refuse_absent(block_hash: str, header: Any) -> None:
    if header is None:
        raise NodeLagging(f"the node does not know block {block_hash}")


def _checked(block_hash: str, header: Mapping[str, Any], receipts: Any) -> FullBlock:
    """The block, if header and receipts belong together."""
    if not isinstance(receipts, list) or any(receipt is None for receipt in receipts):
        raise NodeLagging(f"the node does not know yet what happened in block {block_hash}")
    by_txid = {receipt["transactionHash"]: receipt for receipt in receipts}
    if any(receipt["blockHash"] != block_hash for receipt in receipts):
        raise NodeLagging(f"the node tells of another block than {block_hash}")
    missing = [one["hash"] for one in header["transactions"] if one["hash"] not in by_txid]
    if missing:
        raise HistoryMissing(f"the node has no receipt for {len(missing)} transactions of block {block_hash}")
    if any("status" not in receipt for receipt in receipts):
        raise NodeError(f"block {block_hash} is older than receipts that say what failed")
    return FullBlock(header, by_txid)

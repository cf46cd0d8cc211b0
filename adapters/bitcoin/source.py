"""Reading a chain: tip, blocks and mempool, in few round trips."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from adapters.bitcoin.amounts import to_minor
from adapters.bitcoin.client import NodeClient, demanded
from adapters.bitcoin.refusals import INVALID_PARAMETER, METHOD_NOT_FOUND, NOT_FOUND
from domain.chain_facts import Block, ChainOutput, ChainTransaction, NodeFacts, OutPoint, Tip
from domain.networks import Network
from domain.node_refusals import NodeError, NodeTimeout

BLOCKS_PER_CALL_MAX: Final = 50
BYTES_PER_CALL: Final = 4_000_000
"""About how large one answer should be: large enough to hide the round trip, small enough for memory."""
TRANSACTIONS_PER_CALL: Final = 100
HASHES_PER_CALL_MAX: Final = 2_000
_BLOCK_BYTES_ASSUMED: Final = 1_000_000
_WITH_TRANSACTIONS: Final = 2


class BitcoinSource:
    """The chain as one node shows it (implements `domain.ports.ChainSource`)."""

    def __init__(self, client: NodeClient) -> None:
        self._client = client
        self._bytes_per_block = _BLOCK_BYTES_ASSUMED

    @property
    def rail(self) -> Network:
        """The network, as every family names it."""
        return self._client.network

    @property
    def network(self) -> Network:
        """The network configured; the client refuses a node of any other."""
        return self._client.network

    def facts(self) -> NodeFacts:
        """Version, sync state and mempool facts of the node; those that it does not offer are empty."""
        answers = self._client.read_batch([["getnetworkinfo"], ["getblockchaininfo"], ["listwallets"], _ZMQ_QUESTION])
        network, chain = demanded(answers[:2])
        wallets, news = (_unless_missing(answer) for answer in answers[2:])
        return NodeFacts(
            software=network["subversion"],
            node_chain=chain["chain"],
            peers=network["connections"],
            wallets_loaded=tuple(wallets),
            news_addresses=tuple(f"{entry['type']} {entry['address']}" for entry in news),
        )

    def tip(self) -> Tip:
        """The node's best block."""
        info = self._client.read("getblockchaininfo")
        return Tip(
            height=info["blocks"],
            hash=info["bestblockhash"],
            headers_height=info["headers"],
            median_time=datetime.fromtimestamp(info["mediantime"], UTC),
            in_initial_download=info["initialblockdownload"],
        )

    def block_hashes(self, first_height: int, count: int) -> list[str]:
        """Hashes of the active chain from `first_height` on, at most 2,000; fewer at the tip."""
        heights = range(first_height, first_height + min(count, HASHES_PER_CALL_MAX))
        hashes: list[str] = []
        for answer in self._client.read_batch([["getblockhash", height] for height in heights]):
            if isinstance(answer, NodeError) and answer.rpc_code == INVALID_PARAMETER:
                break  # above the tip
            hashes += demanded([answer])
        return hashes

    def blocks(
        self,
        hashes: Sequence[str],
        *,
        contracts: Mapping[str, str] | None = None,  # noqa: ARG002 - this family has neither tokens
        senders: Collection[str] = (),  # noqa: ARG002 - nor accounts
    ) -> list[Block]:
        """The blocks with these hashes, in order, in calls of about four megabytes."""
        blocks: list[Block] = []
        while len(blocks) < len(hashes):
            count = max(1, min(BLOCKS_PER_CALL_MAX, BYTES_PER_CALL // self._bytes_per_block))
            wanted = hashes[len(blocks) : len(blocks) + count]
            try:
                answers, size = self._client.read_sized_batch([["getblock", one, _WITH_TRANSACTIONS] for one in wanted])
            except NodeTimeout:
                if len(wanted) == 1:
                    raise
                self._bytes_per_block = BYTES_PER_CALL // (len(wanted) // 2)  # ask a slow node for less at once
                continue
            self._bytes_per_block = max(1, size // len(wanted))
            blocks += [_block(answer) for answer in answers]
        return blocks

    def mempool(self) -> frozenset[str]:
        """The ids of all transactions in the node's mempool."""
        return frozenset(self._client.read("getrawmempool"))

    def mempool_transactions(self, txids: Collection[str]) -> Mapping[str, ChainTransaction]:
        """Those of these transactions that are still in the mempool."""
        found: dict[str, ChainTransaction] = {}
        wanted = list(txids)
        for first in range(0, len(wanted), TRANSACTIONS_PER_CALL):
            chunk = wanted[first : first + TRANSACTIONS_PER_CALL]
            answers = self._client.read_batch([["getrawtransaction", txid, True] for txid in chunk])
            for txid, answer in zip(chunk, answers, strict=True):
                if isinstance(answer, NodeError) and answer.rpc_code == NOT_FOUND:
                    continue
                details = demanded([answer])[0]
                if "blockhash" not in details:  # a node with an index also answers for transactions in blocks
                    found[txid] = _transaction(details)
        return found


_ZMQ_QUESTION: Final = ["getzmqnotifications"]


def _unless_missing(answer: Any) -> Any:
    """The answer, or nothing where the node lacks this call. Raises every other refusal."""
    if isinstance(answer, NodeError) and answer.rpc_code == METHOD_NOT_FOUND:
        return []
    return demanded([answer])[0]


def _block(details: dict[str, Any]) -> Block:
    return Block(
        height=details["height"],
        hash=details["hash"],
        previous_hash=details.get("previousblockhash", ""),
        time=datetime.fromtimestamp(details["time"], UTC),
        transactions=tuple([_transaction(transaction) for transaction in details["tx"]]),
    )


def _transaction(details: dict[str, Any]) -> ChainTransaction:
    """One transaction from the node's JSON, without the parts in Litecoin's extension block.

    Inputs there have no txid, and outputs neither amount nor script: they cannot be ours.
    """
    inputs = details["vin"]
    return ChainTransaction(
        txid=details["txid"],
        outputs=tuple(
            [
                ChainOutput(output["n"], bytes.fromhex(output["scriptPubKey"]["hex"]), to_minor(output["value"]))
                for output in details["vout"]
                if "scriptPubKey" in output
            ]
        ),
        spends=tuple([OutPoint(spent["txid"], spent["vout"]) for spent in inputs if "txid" in spent]),
        is_coinbase=bool(inputs) and "coinbase" in inputs[0],
    )

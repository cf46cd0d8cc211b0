"""Reading a chain of accounts: its tip, the transfers in its blocks, and token transfers over a range."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from adapters.evm.arrivals import arrived
from adapters.evm.client import EvmClient, demanded, to_int
from adapters.evm.coding import TRANSFER_TOPIC
from adapters.evm.receipts import BlockReader, FullBlock
from adapters.evm.refusals import AnswerTooLarge, MethodMissing
from adapters.evm.transfers import Movement, carried, movements
from adapters.evm.transport import Call
from domain.chain_facts import Block, ChainOutput, ChainTransaction, NodeFacts, OutPoint, Tip, TokenMovement
from domain.errors import ensure
from domain.evm.networks import EvmNetwork
from domain.node_refusals import ChainError, NodeError, NodeLagging

HASHES_PER_CALL_MAX: Final = 500
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class EvmSource:
    """The chain as its nodes show it (implements `domain.ports.ChainSource`)."""

    def __init__(self, client: EvmClient) -> None:
        self._client = client
        self._reader = BlockReader(client)
        self._trusted = frozenset(
            contract.lower() for asset in client.network.assets if asset.is_trusted for contract in asset.contracts
        )

    @property
    def rail(self) -> EvmNetwork:
        """The network configured; the client refuses a node of any other."""
        return self._client.network

    def facts(self) -> NodeFacts:
        """Version and sync state of the node that answers; what it does not offer is empty."""
        calls = [Call("web3_clientVersion", ()), Call("net_peerCount", ())]
        software, peers = self._client.read_as(calls, list)
        return NodeFacts(
            software="" if isinstance(software, ChainError) else str(software),
            node_chain=str(self._client.network.chain_id),
            peers=to_int(peers) if isinstance(peers, str) else 0,
            wallets_loaded=(),
            news_addresses=(),
        )

    def tip(self) -> Tip:
        """The newest block, the node's sync target, and the height that is final."""
        tag = self._client.network.finality_tag
        calls = [_height_call("latest"), Call("eth_syncing", ())] + ([_height_call(tag)] if tag else [])
        newest, syncing, *final = self._client.read_as(calls, _unless_not_final_yet)
        height = to_int(newest["number"])
        return Tip(
            height=height,
            hash=newest["hash"],
            headers_height=max(height, to_int(syncing["highestBlock"])) if isinstance(syncing, dict) else height,
            median_time=_time(newest),
            in_initial_download=syncing is not False,
            final_height=(to_int(final[0]["number"]) if final[0] else 0) if final else None,
        )

    def block_hashes(self, first_height: int, count: int) -> list[str]:
        """Hashes of the chain from `first_height` on, at most 500; fewer at the tip."""
        heights = range(first_height, first_height + min(count, HASHES_PER_CALL_MAX))
        hashes: list[str] = []
        for block in self._client.read_batch([_height_call(hex(height)) for height in heights]):
            if block is None:
                break
            hashes.append(block["hash"])
        return hashes

    def blocks(
        self, hashes: Sequence[str], *, contracts: Mapping[str, str] = _NONE, senders: Collection[str] = ()
    ) -> list[Block]:
        """The blocks with these hashes, each with every transfer in it and every transaction of `senders`.

        Raises NodeLagging for a block that no node knows.
        """
        known = {contract.lower(): canonical for contract, canonical in contracts.items()}
        own = {sender.lower() for sender in senders}
        return [self._block(full, known, own) for full in self._reader.read(hashes)]

    def mempool(self) -> frozenset[str]:
        """Empty: pending transactions can be replaced at no cost, and the next block is seconds away."""
        return frozenset()

    def mempool_transactions(self, txids: Collection[str]) -> Mapping[str, ChainTransaction]:
        """Empty, as `mempool` is."""
        ensure(not txids, "nobody asks for what was never listed")
        return {}

    def token_transfers(self, first_height: int, last_height: int, contracts: Collection[str]) -> list[TokenMovement]:
        """The Transfer events of these tokens over a range, to check what was read before; halved where too large.

        For comparing, not for crediting: fakes and mirrored events are included. Read the block for those.
        """
        found: list[TokenMovement] = []
        height, count = first_height, self._client.endpoint.log_blocks_max
        while height <= last_height and contracts:
            last = min(last_height, height + count - 1)
            try:
                found += self._range(height, last, contracts)
            except AnswerTooLarge:
                if last == height:
                    raise
                count = (last - height + 1) // 2
                continue
            height, count = last + 1, min(2 * count, self._client.endpoint.log_blocks_max)
        return found

    def _range(self, first: int, last: int, contracts: Collection[str]) -> list[TokenMovement]:
        asked = {
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "address": sorted(contracts),
            "topics": [TRANSFER_TOPIC],
        }
        return [
            TokenMovement(
                log["transactionHash"],
                to_int(log["blockNumber"]),
                log["blockHash"],
                log["address"].lower(),
                bytes.fromhex(log["topics"][2][2:])[12:],
                to_int(log["data"]),
            )
            for log in self._client.read_as([Call("eth_getLogs", (asked,)), _height_call(hex(last))], _logs_of_all)
            if len(log["topics"]) == 3 and not log.get("removed") and len(log["data"]) > 2  # noqa: PLR2004 - topics, 0x
        ]

    def _block(self, full: FullBlock, contracts: Mapping[str, str], own: Collection[str]) -> Block:
        header = full.header
        signers = {one["hash"]: bytes.fromhex(one["from"][2:]) for one in header["transactions"]}
        moved = [
            one
            for txid, receipt in full.receipts.items()
            if to_int(receipt["status"]) == 1
            for one in movements(txid, receipt["logs"], contracts)
        ]
        arrivals = arrived(
            self._client,
            moved,
            signers,
            block_hash=header["hash"],
            previous_hash=header["parentHash"],
            trusted=self._trusted,
        )
        tokens = arrivals.outputs
        told = [_transaction(one, full.receipts[one["hash"]], tokens, own) for one in header["transactions"]]
        # A receipt without a transaction is the network's own (Polygon's state sync), and may move tokens too.
        told += [
            ChainTransaction(txid, tuple(outputs), (), is_coinbase=False)
            for txid, outputs in tokens.items()
            if txid not in signers
        ]
        return Block(
            height=to_int(header["number"]),
            hash=header["hash"],
            previous_hash=header["parentHash"] if to_int(header["number"]) else "",
            time=_time(header),
            transactions=tuple(one for one in told if one is not None),
            set_aside=tuple(_set_aside(header, one, reason) for one, reason in arrivals.set_aside),
        )


def _transaction(
    details: Mapping[str, Any],
    receipt: Mapping[str, Any],
    tokens: Mapping[str, Sequence[ChainOutput]],
    own: Collection[str],
) -> ChainTransaction | None:
    """One transaction, if it moved the coin or a known token, or was sent by one of our accounts."""
    txid, sender = details["hash"], details["from"].lower()
    succeeded = to_int(receipt["status"]) == 1
    outputs = list(tokens.get(txid, ()))
    if succeeded and (coin := carried(details)) is not None:
        outputs.insert(0, coin)
    if not outputs and sender not in own:
        return None
    return ChainTransaction(
        txid=txid,
        outputs=tuple(outputs),
        spends=(OutPoint(sender, to_int(details["nonce"])),) if sender in own else (),
        is_coinbase=False,
        succeeded=succeeded,
        fee_minor=actual_fee(receipt) if sender in own else None,
    )


def _set_aside(header: Mapping[str, Any], one: Movement, reason: str) -> TokenMovement:
    height, block_hash = to_int(header["number"]), header["hash"]
    return TokenMovement(one.txid, height, block_hash, one.contract, one.recipient, one.amount_minor, one.place, reason)


def actual_fee(receipt: Mapping[str, Any]) -> int:
    """The fee that a transaction paid, with an OP-stack chain's data fee."""
    return to_int(receipt["gasUsed"]) * to_int(receipt["effectiveGasPrice"]) + to_int(receipt.get("l1Fee") or "0x0")


def _logs_of_all(answers: list[Any | ChainError]) -> list[Any]:
    """The events, from a node that has the last block of the range: one that lags would leave events out."""
    logs, last = demanded(answers)
    if last is None:
        raise NodeLagging("the node does not have the last of these blocks yet, and tells of no events in it")
    return list(logs)


def _height_call(height: str) -> Call:
    return Call("eth_getBlockByNumber", (height, False))


def _time(header: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(to_int(header["timestamp"]), UTC)


def _unless_not_final_yet(answers: list[Any | ChainError]) -> list[Any]:
    """The answers, with None for the final block of a chain too young to have one. Raises other refusals."""
    newest, syncing, *final = answers
    if final and isinstance(final[0], NodeError) and "not found" in str(final[0]).lower():
        final = [None]
    if isinstance(syncing, MethodMissing):
        syncing = False
    return demanded([newest, syncing, *final])

"""What the hot wallet's account sent, read from the blocks: evidence that survives the loss of our own database."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from adapters.evm.client import EvmClient, to_int
from adapters.evm.source import EvmSource
from adapters.evm.transactions import Transaction, txid_of
from domain.chain_facts import Block, ChainTransaction
from domain.evm.addresses import spell_address
from domain.node_refusals import NodeLagging
from domain.wallet_facts import SentOutput, SentTransaction

BLOCKS_PER_RUN: Final = 50
_WITH_A_FEE_MARKET: Final = "0x2"


def sent_since(
    source: EvmSource,
    client: EvmClient,
    height: int,
    *,
    account: str,
    nonces: Collection[int],
    contracts: Mapping[str, str],
) -> list[SentTransaction]:
    """See `domain.account_ports.CountingChain.sent_since`. Reads until all are found, or the tip is reached."""
    wanted, found, tip = set(nonces), list[SentTransaction](), source.tip()
    while wanted and height < tip.height:
        hashes = source.block_hashes(height + 1, min(BLOCKS_PER_RUN, tip.height - height))
        if not hashes:
            break
        for block in source.blocks(hashes, contracts=contracts, senders=[account]):
            own = [one for one in block.transactions if one.spends and one.spends[0].vout in wanted]
            found += [_sent(client, one, block, account, tip.height) for one in own]
            wanted -= {one.spends[0].vout for one in own}
        height += len(hashes)
    return found


def _sent(client: EvmClient, transaction: ChainTransaction, block: Block, account: str, tip: int) -> SentTransaction:
    told = client.read("eth_getTransactionByHash", transaction.txid)
    if told is None:
        raise NodeLagging(f"the node does not know transaction {transaction.txid}")
    raw_tx = _signed_bytes(told)
    outputs = [
        SentOutput(one.vout, spell_address(one.script), one.amount_minor, one.contract) for one in transaction.outputs
    ]
    return SentTransaction(
        txid=transaction.txid,
        raw_tx=raw_tx,
        fee_minor=transaction.fee_minor or 0,
        vsize=max(0, len(raw_tx) // 2 - 1),
        inputs=transaction.spends,
        outputs=tuple(output for output in outputs if output.address.lower() != account),
        change_vout=None,
        confirmations=tip - block.height + 1,
        block_hash=block.hash,
        block_height=block.height,
        succeeded=transaction.succeeded,
    )


def _signed_bytes(told: Mapping[str, Any]) -> str:
    """The signed transaction, rebuilt from the node's fields; empty where it is of another type.

    Few nodes give the raw bytes. The digest proves that these are the same.
    """
    if told.get("type") != _WITH_A_FEE_MARKET or not told.get("to") or told.get("accessList"):
        return ""
    fields = Transaction(
        chain_id=to_int(told["chainId"]),
        nonce=to_int(told["nonce"]),
        priority_fee_minor=to_int(told["maxPriorityFeePerGas"]),
        max_fee_minor=to_int(told["maxFeePerGas"]),
        gas_limit=to_int(told["gas"]),
        recipient=bytes.fromhex(told["to"][2:]),
        value_minor=to_int(told["value"]),
        data=bytes.fromhex(told["input"][2:]),
    )
    raw_tx = fields.with_signature(*(to_int(told[part]) for part in ("r", "s", "v")))
    return raw_tx if txid_of(raw_tx) == told["hash"] else ""

"""Claimed payments on EVM chains: the receipt decides, and a token is identified by its contract alone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.evm.client import to_int
from adapters.evm.transfers import carried, movements
from adapters.verification.asking import Ask, ProviderFailed, called, demanded
from adapters.verification.evm_arrivals import arrived
from domain.claim_reading import ClaimQuestion
from domain.evm.addresses import spell_address
from domain.evm.networks import EvmNetwork
from domain.node_refusals import ChainError
from domain.verification import ClaimedTransfer, ClaimFacts


def read_evm(network: EvmNetwork, question: ClaimQuestion, ask: Ask) -> ClaimFacts | None:
    """What a node shows of a transaction; None when it has no receipt for it. Raises ProviderFailed.

    Of the coin only the transaction's own value counts, not what contracts pass on inside it.
    """
    chain_id, receipt, transaction, newest, final = demanded(
        called(
            ask,
            ("eth_chainId", []),
            ("eth_getTransactionReceipt", [question.tx_hash]),
            ("eth_getTransactionByHash", [question.tx_hash]),
            ("eth_blockNumber", []),
            ("eth_getBlockByNumber", [network.finality_tag or "latest", False]),
        )
    )
    try:
        if to_int(chain_id) != network.chain_id:
            raise ProviderFailed("it serves another chain")
        if receipt is None or transaction is None:
            return None
        return _facts(network, question, receipt, transaction, to_int(newest), final, ask)
    except ChainError as fault:
        raise ProviderFailed(str(fault)) from fault


def _facts(  # noqa: PLR0917 - the parts of one answer
    network: EvmNetwork,
    question: ClaimQuestion,
    receipt: Mapping[str, Any],
    transaction: Mapping[str, Any],
    newest: int,
    final: Mapping[str, Any] | None,
    ask: Ask,
) -> ClaimFacts:
    if receipt["transactionHash"].lower() != question.tx_hash or transaction["hash"].lower() != question.tx_hash:
        raise ProviderFailed("it tells of another transaction")
    height, block_hash = to_int(receipt["blockNumber"]), receipt["blockHash"]
    [block] = demanded(called(ask, ("eth_getBlockByNumber", [hex(height), False])))
    if block is None or block["hash"] != block_hash:
        raise ProviderFailed("its receipt is of a block that is not on its chain")
    succeeded = to_int(receipt["status"]) == 1
    is_final = None
    if network.finality_tag is not None:
        is_final = final is not None and height <= to_int(final["number"])
    return ClaimFacts(
        succeeded=succeeded,
        block_height=height,
        block_hash=block_hash,
        block_time=datetime.fromtimestamp(to_int(block["timestamp"]), UTC),
        confirmations=max(0, newest - height + 1),
        is_final=is_final,
        transfers=_transfers(network, question, receipt["logs"], transaction, block, ask) if succeeded else (),
    )


def _transfers(  # noqa: PLR0917 - the parts of one answer
    network: EvmNetwork,
    question: ClaimQuestion,
    logs: Sequence[Mapping[str, Any]],
    transaction: Mapping[str, Any],
    block: Mapping[str, Any],
    ask: Ask,
) -> tuple[ClaimedTransfer, ...]:
    """Every movement; those of unknown contracts under their own address."""
    contracts = {log["address"].lower(): log["address"].lower() for log in logs}
    contracts |= {contract: canonical for contract, canonical in question.contracts.items() if contract}
    coin = carried(transaction)
    found = []
    if coin is not None:
        payer = spell_address(bytes.fromhex(transaction["from"][2:]))
        found = [ClaimedTransfer(coin.vout, "", spell_address(coin.script), coin.amount_minor, payer)]
    tokens = arrived(network, question, movements(question.tx_hash, logs, contracts), block, ask)
    found += [
        ClaimedTransfer(
            one.place, one.contract, spell_address(one.recipient), one.amount_minor, spell_address(one.sender)
        )
        for one in tokens
    ]
    return tuple(found)

"""Claimed payments on the Bitcoin family, from nodes that speak Core's RPC."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from adapters.bitcoin.amounts import to_minor
from adapters.verification.asking import Ask, ProviderFailed, RpcRefused, called, demanded
from domain.addresses import address_of_script
from domain.chain_facts import COINBASE_MATURITY
from domain.claim_reading import ClaimQuestion
from domain.networks import Network
from domain.verification import ClaimedTransfer, ClaimFacts

_UNKNOWN_TRANSACTION: Final = -5


def read_bitcoin(network: Network, question: ClaimQuestion, ask: Ask) -> ClaimFacts | None:
    """What a node shows of a transaction; None when neither its index nor its wallet knows it. Raises ProviderFailed.

    A node without `txindex` finds only what its own wallet received and what is in its mempool. A block's reward counts
    as unconfirmed until it can be spent.
    """
    genesis, found = called(ask, ("getblockhash", [0]), ("getrawtransaction", [question.tx_hash, True]))
    [genesis] = demanded([genesis])
    if genesis != network.genesis_hash:
        raise ProviderFailed("it serves another chain")
    if isinstance(found, RpcRefused):
        if found.code != _UNKNOWN_TRANSACTION:
            raise found
        found = _of_wallet(question.tx_hash, ask)
    if found is None:
        return None
    if found["txid"] != question.tx_hash:
        raise ProviderFailed("it tells of another transaction")
    return _facts(network, found, ask)


def _of_wallet(tx_hash: str, ask: Ask) -> Mapping[str, Any] | None:
    """The transaction, read from the block in which the node's wallet has it."""
    [known] = called(ask, ("gettransaction", [tx_hash, True]))
    if isinstance(known, RpcRefused) or "blockhash" not in known:
        return None
    [found] = demanded(called(ask, ("getrawtransaction", [tx_hash, True, known["blockhash"]])))
    details: Mapping[str, Any] = found
    return details


def _facts(network: Network, found: Mapping[str, Any], ask: Ask) -> ClaimFacts:
    height, block_hash, block_time, confirmations = None, "", None, 0
    if found.get("confirmations", 0) > 0:
        block_hash, confirmations = found["blockhash"], found["confirmations"]
        [header] = demanded(called(ask, ("getblockheader", [block_hash])))
        if header["confirmations"] < 1:
            raise ProviderFailed("its block has left the chain")
        height, block_time = header["height"], datetime.fromtimestamp(header["time"], UTC)
        if "coinbase" in found["vin"][0] and confirmations < COINBASE_MATURITY:
            confirmations = 0
    return ClaimFacts(
        succeeded=True,
        block_height=height,
        block_hash=block_hash,
        block_time=block_time,
        confirmations=confirmations,
        is_final=None,
        transfers=tuple(
            ClaimedTransfer(
                output["n"],
                "",
                address_of_script(bytes.fromhex(output["scriptPubKey"]["hex"]), network) or "",
                to_minor(Decimal(str(output["value"]))),
            )
            for output in found["vout"]
            if "scriptPubKey" in output
        ),
        is_immutable=True,
    )

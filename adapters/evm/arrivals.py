"""What really arrived: the word of a contract that nobody examined, compared with the balances around the block.

A token may take a fee on the way and still tell the whole amount; it may tell of movements that never happened. What
an account holds more after the block than before is what can be passed on.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from adapters.evm.client import EvmClient, to_int
from adapters.evm.coding import balance_data
from adapters.evm.transfers import Movement
from adapters.evm.transport import Call
from domain.chain_facts import ChainOutput
from domain.evm.addresses import spell_address


def arrived(
    client: EvmClient,
    found: Sequence[Movement],
    senders: Mapping[str, bytes],
    *,
    block_hash: str,
    previous_hash: str,
    trusted: Collection[str],
) -> dict[str, list[ChainOutput]]:
    """The outputs that these movements of one block make, by transaction: as told, or less where less arrived.

    `senders` says who signed each transaction. Raises ChainError, HistoryMissing among them: a block so old that only
    an archive node knows its balances cannot be read where such tokens moved in it.
    """
    doubted: dict[tuple[str, bytes], list[Movement]] = defaultdict(list)
    for one in found:
        if one.contract.lower() not in trusted or one.is_mirror:
            doubted[one.contract, one.recipient] = []
    gone: dict[tuple[str, bytes], int] = defaultdict(int)
    for one in found:
        if (one.contract, one.recipient) in doubted:
            doubted[one.contract, one.recipient].append(one)
        # Only a transaction that the holder signed can have taken something away: an event alone is the token's word.
        if senders.get(one.txid) == one.sender:
            gone[one.contract, one.sender] += one.amount_minor
    grown = _growth(client, list(doubted), block_hash=block_hash, previous_hash=previous_hash)
    amounts = {id(one): one.amount_minor for one in found}
    for key, told in doubted.items():
        for one, amount_minor in zip(told, _shared(told, max(0, grown[key] + gone[key])), strict=True):
            amounts[id(one)] = amount_minor
    outputs: dict[str, list[ChainOutput]] = defaultdict(list)
    for one in found:
        if amounts[id(one)] > 0:
            outputs[one.txid].append(one.output(amounts[id(one)]))
    return outputs


def _shared(told: Sequence[Movement], arrived_minor: int) -> list[int]:
    """What arrived, shared out in proportion to what was told, and never more than that; the rest goes to the last."""
    told_minor = sum(one.amount_minor for one in told)
    if arrived_minor >= told_minor:
        return [one.amount_minor for one in told]
    shares = [one.amount_minor * arrived_minor // told_minor for one in told]
    shares[-1] += arrived_minor - sum(shares)
    return shares


def _growth(
    client: EvmClient, holders: Sequence[tuple[str, bytes]], *, block_hash: str, previous_hash: str
) -> dict[tuple[str, bytes], int]:
    if not holders:
        return {}
    calls = [
        balance_call(contract, holder, {"blockHash": at})
        for contract, holder in holders
        for at in (previous_hash, block_hash)
    ]
    balances = [token_balance(answer) for answer in client.read_batch(calls)]
    return {key: after - before for key, before, after in zip(holders, balances[::2], balances[1::2], strict=True)}


def balance_call(contract: str, holder: bytes, at: str | Mapping[str, str]) -> Call:
    """The question what an account holds of a token, at a block by its hash (EIP-1898) or under a name."""
    return Call("eth_call", ({"to": contract, "data": "0x" + balance_data(holder).hex()}, at))


def coin_call(holder: bytes, at: str | Mapping[str, str]) -> Call:
    """The question what an account holds of the coin."""
    return Call("eth_getBalance", (spell_address(holder), at))


def token_balance(answer: str) -> int:
    """The balance in an answer; a contract that was not there yet answers nothing, and holds nothing."""
    return 0 if answer == "0x" else to_int(answer)

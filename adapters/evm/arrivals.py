"""What really arrived of unexamined tokens: their Transfer events compared with the balances around the block.

A token may withhold a fee and still report the whole amount, or report transfers that never happened. Only what an
account's balance grew by can be spent.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from adapters.evm.client import EvmClient
from adapters.evm.growth import Holder, growth
from adapters.evm.transfers import Movement
from domain.chain_facts import ChainOutput


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The outputs of one block by transaction, and the movements whose arrival cannot be checked, with reasons."""

    outputs: Mapping[str, Sequence[ChainOutput]]
    set_aside: Sequence[tuple[Movement, str]]


def arrived(
    client: EvmClient,
    found: Sequence[Movement],
    senders: Mapping[str, bytes],
    *,
    block_hash: str,
    previous_hash: str,
    trusted: Collection[str],
) -> Arrivals:
    """The outputs of these movements of one block: the amounts reported, or less where less arrived.

    `senders` says who signed each transaction. Where an unexamined token does not answer for a holder's balance, or no
    node has that state, its movements to the holder are set aside and the rest goes on. Raises ChainError where the
    node fails.
    """
    doubted: dict[Holder, list[Movement]] = defaultdict(list)
    for one in found:
        if one.contract.lower() not in trusted or one.is_mirror:
            doubted[one.contract, one.recipient] = []
    for one in found:
        if (one.contract, one.recipient) in doubted:
            doubted[one.contract, one.recipient].append(one)
    gone = _gone(found, senders)
    grown = growth(client, list(doubted), block_hash=block_hash, previous_hash=previous_hash)
    amounts = {id(one): one.amount_minor for one in found}
    set_aside: list[tuple[Movement, str]] = []
    for key, told in doubted.items():
        more = grown[key]
        if isinstance(more, str):
            set_aside += [(one, more) for one in told]
        shares = [0] * len(told) if isinstance(more, str) else _shared(told, max(0, more + gone[key]))
        amounts |= {id(one): amount_minor for one, amount_minor in zip(told, shares, strict=True)}
    outputs: dict[str, list[ChainOutput]] = defaultdict(list)
    for one in found:
        if amounts[id(one)] > 0:
            outputs[one.txid].append(one.output(amounts[id(one)]))
    return Arrivals(outputs, set_aside)


def _gone(found: Sequence[Movement], senders: Mapping[str, bytes]) -> Mapping[Holder, int]:
    """What holders sent, counting only transactions that they signed: an event alone proves nothing."""
    gone: dict[Holder, int] = defaultdict(int)
    for one in found:
        if senders.get(one.txid) == one.sender:
            gone[one.contract, one.sender] += one.amount_minor
    return gone


def _shared(told: Sequence[Movement], arrived_minor: int) -> list[int]:
    """What arrived, shared in proportion to the amounts reported, and never more; the last gets the remainder."""
    told_minor = sum(one.amount_minor for one in told)
    if arrived_minor >= told_minor:
        return [one.amount_minor for one in told]
    shares = [one.amount_minor * arrived_minor // told_minor for one in told]
    shares[-1] += arrived_minor - sum(shares)
    return shares

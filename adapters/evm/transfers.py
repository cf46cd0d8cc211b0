"""What a transaction moved, from its receipt: the coin that it carries, and Transfer events of known tokens."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.evm.client import to_int
from adapters.evm.coding import TRANSFER_TOPIC, WORD
from domain.chain_facts import NATIVE_VALUE, ChainOutput
from domain.evm.addresses import ADDRESS_SIZE

MADE_UP_FROM: Final = 10**60
"""No token's supply is as large: such amounts are made up, and a few of them would exceed what the books can hold."""
_TOPICS: Final = 3


@dataclass(frozen=True, slots=True)
class Movement:
    """One transfer of a token, from its event.

    `place` counts the transaction's events, not the block's: after a reorganisation into another block the places, and
    with them the deposits, are the same. `is_mirror`: only an older generation of the token's contract reports it.
    """

    txid: str
    place: int
    contract: str
    sender: bytes
    recipient: bytes
    amount_minor: int
    is_mirror: bool

    def output(self, amount_minor: int) -> ChainOutput:
        """The output for it, with the amount that arrived."""
        return ChainOutput(self.place, self.recipient, amount_minor, self.contract)


def carried(transaction: Mapping[str, Any]) -> ChainOutput | None:
    """The output for the coin that a transaction carries; None where it carries none, or creates a contract."""
    value_minor = to_int(transaction["value"])
    if value_minor == 0 or not transaction.get("to"):
        return None
    return ChainOutput(NATIVE_VALUE, bytes.fromhex(transaction["to"][2:]), value_minor)


def movements(txid: str, logs: Sequence[Mapping[str, Any]], contracts: Mapping[str, str]) -> list[Movement]:
    """The token transfers among the events of one transaction, in their order, each movement once.

    `contracts` maps every known contract, in lower case, to the canonical one of its asset. Events of other contracts,
    removed events and impossible amounts are left out, and so is a mirror's event that repeats one of the canonical
    contract (same sender, recipient and amount).
    """
    found = list(_read(txid, logs, contracts))
    told = Counter((one.contract, one.sender, one.recipient, one.amount_minor) for one in found if not one.is_mirror)
    kept = []
    for one in found:
        key = (one.contract, one.sender, one.recipient, one.amount_minor)
        if one.is_mirror and told[key] > 0:
            told[key] -= 1
            continue
        kept.append(one)
    return kept


def _read(txid: str, logs: Sequence[Mapping[str, Any]], contracts: Mapping[str, str]) -> Iterator[Movement]:
    for place, log in enumerate(logs):
        contract = log["address"].lower()
        topics = log["topics"]
        if contract not in contracts or log.get("removed") or len(topics) != _TOPICS or topics[0] != TRANSFER_TOPIC:
            continue
        data = bytes.fromhex(log["data"][2:])
        amount_minor = int.from_bytes(data)
        if len(data) != WORD or not 0 < amount_minor < MADE_UP_FROM:
            continue
        canonical = contracts[contract]
        yield Movement(
            txid=txid,
            place=place,
            contract=canonical,
            sender=bytes.fromhex(topics[1][2:])[-ADDRESS_SIZE:],
            recipient=bytes.fromhex(topics[2][2:])[-ADDRESS_SIZE:],
            amount_minor=amount_minor,
            is_mirror=canonical.lower() != contract,
        )

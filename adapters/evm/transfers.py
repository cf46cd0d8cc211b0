"""What a transaction moved, from its receipt: the coin that it carries, and the events of known tokens."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.evm.client import to_int
from adapters.evm.coding import TRANSFER_TOPIC, WORD
from domain.chain_facts import NATIVE_VALUE, ChainOutput
from domain.evm.addresses import ADDRESS_SIZE

MADE_UP_FROM: Final = 10**60
"""No token's supply is as large: a larger amount is made up, and a few of them would overflow the ledger."""
_TOPICS: Final = 3


@dataclass(frozen=True, slots=True)
class Movement:
    """One token transfer as reported by an event.

    `place` counts the events of the transaction, not of the block: a transaction that a reorganisation moves to another
    block keeps its places, and with them its deposits. `is_mirror`: an older contract of the token reports it, not the
    canonical one.
    """

    txid: str
    place: int
    contract: str
    sender: bytes
    recipient: bytes
    amount_minor: int
    is_mirror: bool

    def output(self, amount_minor: int) -> ChainOutput:
        """The output for this transfer, with the amount that really arrived."""
        return ChainOutput(self.place, self.recipient, amount_minor, self.contract)


def carried(transaction: Mapping[str, Any]) -> ChainOutput | None:
    """The coin that a successful transaction carries to an account; None where it carries none, or makes a contract."""
    value_minor = to_int(transaction["value"])
    if value_minor == 0 or not transaction.get("to"):
        return None
    return ChainOutput(NATIVE_VALUE, bytes.fromhex(transaction["to"][2:]), value_minor)


def movements(txid: str, logs: Sequence[Mapping[str, Any]], contracts: Mapping[str, str]) -> list[Movement]:
    """The token transfers among all events of one transaction, in order, each once.

    `contracts` maps every known contract, in lower case, to the canonical one of its asset. Events of other contracts,
    removed ones, and those of no amount or an impossible one do not count. Nor does a mirror's event that repeats one
    of the canonical contract (same sender, recipient and amount).
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

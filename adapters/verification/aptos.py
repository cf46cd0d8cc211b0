"""Claimed payments on Aptos: deposits of coins, and of fungible assets into primary stores."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from adapters.verification.asking import Ask, ProviderFailed, fetched
from domain.aptos import long_form, primary_store
from domain.claim_reading import ClaimQuestion
from domain.verification import ClaimedTransfer, ClaimFacts

MAINNET: Final = 1
APTOS_COIN: Final = "0x1::aptos_coin::AptosCoin"
APTOS_METADATA: Final = long_form("0xa")
_COIN_STORE: Final = re.compile(r"0x0*1::coin::CoinStore<(?P<coin>.+)>")
_COIN_DEPOSIT: Final = re.compile(r"0x0*1::coin::Deposit<(?P<coin>.+)>")
_MICROSECONDS: Final = 1_000_000


class _Store(NamedTuple):
    """A store of a fungible asset: who receives what is in it, and the asset's metadata address.

    Only a primary store counts as its owner's. Any other store is an object whose creator may have kept the right to
    take it back, with all that is in it, so it stands for itself.
    """

    owner: str
    metadata: str


def read_aptos(question: ClaimQuestion, ask: Ask) -> ClaimFacts | None:
    """What a node shows of a transaction; None when it does not know this hash. Raises ProviderFailed.

    A committed transaction is final. Owners and assets are read from its write set, never from its events.
    """
    ledger = fetched(ask, "/v1")
    if ledger is None or ledger["chain_id"] != MAINNET:
        raise ProviderFailed("it serves another network")
    found = fetched(ask, f"/v1/transactions/by_hash/{question.tx_hash}")
    if found is None:
        return None
    if found["hash"] != question.tx_hash:
        raise ProviderFailed("it tells of another transaction")
    if found["type"] == "pending_transaction":
        return ClaimFacts(
            succeeded=True,
            block_height=None,
            block_hash="",
            block_time=None,
            confirmations=0,
            is_final=False,
            transfers=(),
        )
    succeeded = found["success"] is True
    return ClaimFacts(
        succeeded=succeeded,
        block_height=int(found["version"]),
        block_hash="",
        block_time=datetime.fromtimestamp(int(found["timestamp"]) / _MICROSECONDS, UTC),
        confirmations=1,
        is_final=True,
        transfers=tuple(_transfers(found)) if succeeded else (),
    )


def _transfers(transaction: Mapping[str, Any]) -> Iterator[ClaimedTransfer]:
    """Each deposit, with the transaction's signer as its sender."""
    sender = long_form(transaction["sender"]) if "sender" in transaction else ""
    for one in _deposits(transaction["events"], transaction["changes"]):
        yield one._replace(sender=sender)


def _deposits(events: Sequence[Mapping[str, Any]], changes: Sequence[Mapping[str, Any]]) -> Iterator[ClaimedTransfer]:
    """Each deposit once: one of a coin may be reported by its store's event and by its module's."""
    stores, handles = _stores(changes), _handles(changes)
    by_module = Counter(told[1:] for event in events if (told := _by_module(event)) is not None)
    for place, event in enumerate(events):
        data = event["data"]
        kind = event["type"]
        if kind in {"0x1::fungible_asset::Deposit", "0x1::fungible_asset::DepositEvent"}:
            store = stores.get(long_form(data["store"] if "store" in data else event["guid"]["account_address"]))
            if store is not None and int(data["amount"]) > 0:
                contract = "" if store.metadata == APTOS_METADATA else store.metadata
                yield ClaimedTransfer(place, contract, store.owner, int(data["amount"]))
        elif (told := _by_module(event)) is not None:
            yield ClaimedTransfer(place, *told[1:])
        elif kind == "0x1::coin::DepositEvent":
            guid = event["guid"]
            coin = handles.get((long_form(guid["account_address"]), str(guid["creation_number"])))
            if coin is None or int(data["amount"]) == 0:
                continue
            key = (_contract(coin), long_form(guid["account_address"]), int(data["amount"]))
            if by_module[key] > 0:
                by_module[key] -= 1
                continue
            yield ClaimedTransfer(place, *key)


def _by_module(event: Mapping[str, Any]) -> tuple[str, str, str, int] | None:
    """A deposit of a coin from its module's event: (kind, contract, owner, amount)."""
    data = event["data"]
    generic = _COIN_DEPOSIT.fullmatch(event["type"])
    if generic is not None:
        coin = generic["coin"]
    elif event["type"] == "0x1::coin::CoinDeposit":
        coin = data["coin_type"]
    else:
        return None
    amount_minor = int(data["amount"])
    return ("module", _contract(coin), long_form(data["account"]), amount_minor) if amount_minor > 0 else None


def _contract(coin: str) -> str:
    """The contract that stands for a coin; "" for the chain's own."""
    address, separator, rest = coin.partition("::")
    spelled = f"0x{address.removeprefix('0x').lstrip('0')}{separator}{rest}"
    return "" if spelled == APTOS_COIN else spelled


def _stores(changes: Sequence[Mapping[str, Any]]) -> Mapping[str, _Store]:
    owners: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for change in changes:
        if change["type"] != "write_resource":
            continue
        address, resource = long_form(change["address"]), change["data"]
        if resource["type"] == "0x1::object::ObjectCore":
            owners[address] = long_form(resource["data"]["owner"])
        elif resource["type"] == "0x1::fungible_asset::FungibleStore":
            kinds[address] = long_form(resource["data"]["metadata"]["inner"])
    return {
        address: _Store(owner if address == primary_store(owner, kind) else address, kind)
        for address, kind in kinds.items()
        if (owner := owners.get(address)) is not None
    }


def _handles(changes: Sequence[Mapping[str, Any]]) -> Mapping[tuple[str, str], str]:
    """The coin of each event handle."""
    found: dict[tuple[str, str], str] = {}
    for change in changes:
        store = _COIN_STORE.fullmatch(change["data"]["type"]) if change["type"] == "write_resource" else None
        if store is not None:
            handle = change["data"]["data"]["deposit_events"]["guid"]["id"]
            found[long_form(handle["addr"]), str(handle["creation_num"])] = store["coin"]
    return found

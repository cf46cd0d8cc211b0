"""Claimed payments on Solana: what token accounts received, by mint and owner."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from adapters.verification.asking import Ask, ProviderFailed, called, demanded
from domain.claim_reading import ClaimQuestion
from domain.verification import ClaimedTransfer, ClaimFacts

MAINNET: Final = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
"""The hash of the first block."""
_TOKEN_PROGRAMS: Final = frozenset({"spl-token", "spl-token-2022"})
_TOKEN_TRANSFERS: Final = frozenset({"transfer", "transferChecked", "transferCheckedWithFee"})
# A bridge burns a payment on the other chain and mints it here.
_TOKEN_MINTS: Final = frozenset({"mintTo", "mintToChecked"})
_COIN_TRANSFERS: Final = frozenset({"transfer", "transferWithSeed"})
_INNER_MAX: Final = 1_000


class _Account(NamedTuple):
    """A token account after the transaction, and by how much its balance grew."""

    owner: str
    mint: str
    grown_minor: int


class _Part(NamedTuple):
    """One transfer to a token account, and the owner of the account that it came from."""

    place: int
    amount_minor: int
    sender: str


def read_solana(question: ClaimQuestion, ask: Ask) -> ClaimFacts | None:
    """What a node shows of a transaction; None when it does not know this signature. Raises ProviderFailed."""
    options = {"encoding": "jsonParsed", "maxSupportedTransactionVersion": 0, "commitment": "confirmed"}
    genesis, statuses, found = demanded(
        called(
            ask,
            ("getGenesisHash", []),
            ("getSignatureStatuses", [[question.tx_hash], {"searchTransactionHistory": True}]),
            ("getTransaction", [question.tx_hash, options]),
        )
    )
    if genesis != MAINNET:
        raise ProviderFailed("it serves another cluster")
    status = statuses["value"][0]
    if status is None or found is None:
        return None
    meta, transaction = found["meta"], found["transaction"]
    if transaction["signatures"][0] != question.tx_hash:
        raise ProviderFailed("it tells of another transaction")
    if (meta["err"] is None) != (status["err"] is None) or status["slot"] != found["slot"]:
        raise ProviderFailed("it contradicts itself")
    is_final = status["confirmationStatus"] == "finalized"
    succeeded = meta["err"] is None
    block_time = found.get("blockTime")
    return ClaimFacts(
        succeeded=succeeded,
        block_height=found["slot"],
        block_hash="",
        block_time=None if block_time is None else datetime.fromtimestamp(block_time, UTC),
        confirmations=1,
        is_final=is_final,
        transfers=tuple(_transfers(meta, transaction["message"])) if succeeded else (),
    )


def _transfers(meta: Mapping[str, Any], message: Mapping[str, Any]) -> Iterator[ClaimedTransfer]:
    owners = _owners_before(meta, message)
    received: dict[str, list[_Part]] = defaultdict(list)
    for place, instruction in _instructions(meta, message):
        parsed = instruction.get("parsed")
        if not isinstance(parsed, dict):
            continue
        kind, info = parsed.get("type"), parsed.get("info", {})
        if instruction.get("program") == "system" and kind in _COIN_TRANSFERS and info["lamports"] > 0:
            yield ClaimedTransfer(place, "", info["destination"], info["lamports"], info["source"])
        elif instruction.get("program") in _TOKEN_PROGRAMS and kind in _TOKEN_TRANSFERS:
            received[info["destination"]].append(_Part(place, _amount(info), owners.get(info["source"], "")))
        elif instruction.get("program") in _TOKEN_PROGRAMS and kind in _TOKEN_MINTS:
            received[info["account"]].append(_Part(place, _amount(info), ""))
    accounts = _token_accounts(meta, message)
    for address, parts in received.items():
        if address in accounts:
            yield from _arrived(accounts[address], parts)


def _arrived(account: _Account, parts: Sequence[_Part]) -> Iterator[ClaimedTransfer]:
    """What an account was sent; if a fee was withheld, or a part went on, only what stayed."""
    if sum(part.amount_minor for part in parts) > account.grown_minor:
        parts = [parts[0]._replace(amount_minor=account.grown_minor)]
    for part in parts:
        if part.amount_minor > 0:
            yield ClaimedTransfer(part.place, account.mint, account.owner, part.amount_minor, part.sender)


def _amount(info: Mapping[str, Any]) -> int:
    told = info["tokenAmount"]["amount"] if "tokenAmount" in info else info["amount"]
    fee = info.get("feeAmount", {}).get("amount", "0")
    return int(told) - int(fee)


def _instructions(meta: Mapping[str, Any], message: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each instruction and its place. Raises ProviderFailed for a node that does not record inner instructions.

    One of those may be the payment.
    """
    if meta.get("innerInstructions") is None:
        raise ProviderFailed("it does not record the instructions inside instructions")
    inner = {part["index"]: part["instructions"] for part in meta["innerInstructions"]}
    for outer, instruction in enumerate(message["instructions"]):
        yield outer * _INNER_MAX, instruction
        for step, within in enumerate(inner.get(outer, []), 1):
            yield outer * _INNER_MAX + step, within


def _token_accounts(meta: Mapping[str, Any], message: Mapping[str, Any]) -> Mapping[str, _Account]:
    """The token accounts after the transaction, by address."""
    addresses = [key["pubkey"] for key in message["accountKeys"]]
    before = {(one["accountIndex"], one["mint"]): _held(one) for one in meta.get("preTokenBalances") or []}
    return {
        addresses[one["accountIndex"]]: _Account(
            one["owner"], one["mint"], _held(one) - before.get((one["accountIndex"], one["mint"]), 0)
        )
        for one in meta.get("postTokenBalances") or []
    }


def _owners_before(meta: Mapping[str, Any], message: Mapping[str, Any]) -> Mapping[str, str]:
    """The owner of each token account before the transaction, by address."""
    addresses = [key["pubkey"] for key in message["accountKeys"]]
    return {addresses[one["accountIndex"]]: one.get("owner", "") for one in meta.get("preTokenBalances") or []}


def _held(balance: Mapping[str, Any]) -> int:
    return int(balance["uiTokenAmount"]["amount"])

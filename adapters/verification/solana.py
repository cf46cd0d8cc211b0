"""Claimed payments on Solana: what SPL token accounts received, by mint and by the owner of the account."""

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
_COIN_TRANSFERS: Final = frozenset({"transfer", "transferWithSeed"})
_INNER_MAX: Final = 1_000


class _Account(NamedTuple):
    """A token account as a transaction found or left it."""

    owner: str
    mint: str
    grown_minor: int


def read_solana(question: ClaimQuestion, ask: Ask) -> ClaimFacts | None:
    """What a node shows of a transaction; None when it knows none with this signature. Raises ProviderFailed."""
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
    received: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for place, instruction in _instructions(meta, message):
        parsed = instruction.get("parsed")
        if not isinstance(parsed, dict):
            continue
        kind, info = parsed.get("type"), parsed.get("info", {})
        if instruction.get("program") == "system" and kind in _COIN_TRANSFERS and info["lamports"] > 0:
            yield ClaimedTransfer(place, "", info["destination"], info["lamports"])
        elif instruction.get("program") in _TOKEN_PROGRAMS and kind in _TOKEN_TRANSFERS:
            received[info["destination"]].append((place, _amount(info)))
    accounts = _token_accounts(meta, message)
    for address, parts in received.items():
        if address in accounts:
            yield from _arrived(accounts[address], parts)


def _arrived(account: _Account, parts: Sequence[tuple[int, int]]) -> Iterator[ClaimedTransfer]:
    """What an account was sent; if a fee was withheld, or part of it went on, what stayed is what arrived."""
    kept = parts if sum(amount for _, amount in parts) <= account.grown_minor else [(parts[0][0], account.grown_minor)]
    for place, amount_minor in kept:
        if amount_minor > 0:
            yield ClaimedTransfer(place, account.mint, account.owner, amount_minor)


def _amount(info: Mapping[str, Any]) -> int:
    told = info["tokenAmount"]["amount"] if "tokenAmount" in info else info["amount"]
    fee = info.get("feeAmount", {}).get("amount", "0")
    return int(told) - int(fee)


def _instructions(meta: Mapping[str, Any], message: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each instruction and its place, which is the same whether or not a node records inner ones."""
    inner = {part["index"]: part["instructions"] for part in meta.get("innerInstructions") or []}
    for outer, instruction in enumerate(message["instructions"]):
        yield outer * _INNER_MAX, instruction
        for step, within in enumerate(inner.get(outer, []), 1):
            yield outer * _INNER_MAX + step, within


def _token_accounts(meta: Mapping[str, Any], message: Mapping[str, Any]) -> Mapping[str, _Account]:
    """The token accounts that the transaction left behind, by address: whose they are, and by how much they grew."""
    addresses = [key["pubkey"] for key in message["accountKeys"]]
    before = {(one["accountIndex"], one["mint"]): _held(one) for one in meta.get("preTokenBalances") or []}
    return {
        addresses[one["accountIndex"]]: _Account(
            one["owner"], one["mint"], _held(one) - before.get((one["accountIndex"], one["mint"]), 0)
        )
        for one in meta.get("postTokenBalances") or []
    }


def _held(balance: Mapping[str, Any]) -> int:
    return int(balance["uiTokenAmount"]["amount"])

"""Claimed payments on Tron: TRC-20 events and the coin itself, final once their block is solidified."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from adapters.evm.coding import TRANSFER_TOPIC, WORD
from adapters.evm.transfers import MADE_UP_FROM
from adapters.verification.asking import Ask, ProviderFailed, fetched
from domain.chain_facts import NATIVE_VALUE
from domain.claim_reading import ClaimQuestion
from domain.tron import ACCOUNT_SIZE, spell_tron_address
from domain.verification import ClaimedTransfer, ClaimFacts

MAINNET: Final = "00000000000000001ebf88508a03865c71d452e25f4d51194196a1d22b6653dc"
"""The id of the first block. Addresses are the same on the test networks, so it must be checked."""
_TOPICS: Final = 3
_SOLID: Final = "/walletsolidity"
_NEWEST: Final = "/wallet"


def read_tron(question: ClaimQuestion, ask: Ask) -> ClaimFacts | None:
    """What a node shows of a transaction; None when it does not know this id. Raises ProviderFailed."""
    first = fetched(ask, f"{_NEWEST}/getblockbynum", {"num": 0})
    if first is None or first.get("blockID") != MAINNET:
        raise ProviderFailed("it serves another network")
    side = _SOLID
    info = _asked(ask, f"{side}/gettransactioninfobyid", question)
    if not info:
        side = _NEWEST
        info = _asked(ask, f"{side}/gettransactioninfobyid", question)
    if not info:
        return None
    transaction = _asked(ask, f"{side}/gettransactionbyid", question)
    if not transaction:
        return None
    if info["id"] != question.tx_hash or transaction["txID"] != question.tx_hash:
        raise ProviderFailed("it tells of another transaction")
    succeeded = _succeeded(info, transaction)
    return ClaimFacts(
        succeeded=succeeded,
        block_height=info["blockNumber"],
        block_hash="",
        block_time=datetime.fromtimestamp(info["blockTimeStamp"] / 1000, UTC),
        confirmations=1,
        is_final=side == _SOLID,
        transfers=(*_coin(transaction), *_tokens(info.get("log") or [])) if succeeded else (),
    )


def _asked(ask: Ask, path: str, question: ClaimQuestion) -> Mapping[str, Any]:
    """The node's answer, which is {} for an unknown transaction. Raises ProviderFailed."""
    answer = fetched(ask, path, {"value": question.tx_hash})
    if not isinstance(answer, dict) or "Error" in answer:
        raise ProviderFailed("the answer is not a transaction")
    return answer


def _succeeded(info: Mapping[str, Any], transaction: Mapping[str, Any]) -> bool:
    """Only contract calls have a result in the receipt; every transaction has one of its own."""
    of_contract = info.get("receipt", {}).get("result", "SUCCESS")
    own = {one.get("contractRet", "SUCCESS") for one in transaction.get("ret") or [{}]}
    return info.get("result") != "FAILED" and of_contract == "SUCCESS" and own == {"SUCCESS"}


def _coin(transaction: Mapping[str, Any]) -> Iterator[ClaimedTransfer]:
    for contract in transaction["raw_data"]["contract"]:
        if contract["type"] == "TransferContract":
            told = contract["parameter"]["value"]
            # Not parsed as people's input is: that refuses the address to which coins are burnt.
            recipient, sender = (_account(bytes.fromhex(told[name])) for name in ("to_address", "owner_address"))
            yield ClaimedTransfer(NATIVE_VALUE, "", recipient, told["amount"], sender)


def _tokens(logs: Sequence[Mapping[str, Any]]) -> Iterator[ClaimedTransfer]:
    """The Transfer events; in logs, addresses lack their 0x41 and nothing begins with 0x."""
    for place, log in enumerate(logs):
        topics = [bytes.fromhex(topic.removeprefix("0x")) for topic in log.get("topics") or []]
        if len(topics) != _TOPICS or topics[0].hex() != TRANSFER_TOPIC[2:]:
            continue
        data = bytes.fromhex(log.get("data", "").removeprefix("0x"))
        if len(data) != WORD or not 0 < int.from_bytes(data) < MADE_UP_FROM:
            continue
        contract = _account(bytes.fromhex(log["address"].removeprefix("0x")))
        yield ClaimedTransfer(place, contract, _account(topics[2]), int.from_bytes(data), _account(topics[1]))


def _account(padded: bytes) -> str:
    return spell_tron_address(padded[-ACCOUNT_SIZE:])

"""By how much balances grew in a block, of tokens that may not answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from adapters.evm.balances import balance_call, token_balance
from adapters.evm.client import EvmClient
from adapters.evm.refusals import AnswerTooLarge, HistoryMissing, MethodMissing
from adapters.evm.transport import Call
from domain.node_refusals import ChainError, NodeError, NodeLagging

Holder = tuple[str, bytes]
"""A token's contract, and an account."""

SILENT: Final = "no_balance"
"""The code for a token that does not answer."""
# A node says so when it lacks the block, whatever the contract: geth, Nethermind and Besu.
_BLOCK_MISSING: Final = ("header not found", "unknown block", "block not found")


def growth(
    client: EvmClient, holders: Sequence[Holder], *, block_hash: str, previous_hash: str
) -> Mapping[Holder, int | str]:
    """By how much each holder's balance grew in a block, or a stable code for why that is not known.

    Raises ChainError where the node fails, and not the token.
    """
    if not holders:
        return {}
    calls = [
        balance_call(contract, holder, {"blockHash": at})
        for contract, holder in holders
        for at in (previous_hash, block_hash)
    ]
    answers = _answers(client, calls)
    return {key: _grown(before, after) for key, before, after in zip(holders, answers[::2], answers[1::2], strict=True)}


def _answers(client: EvmClient, calls: Sequence[Call]) -> list[Any]:
    """The answer to each call, or the token's refusal in its place; called one by one where a batch is too large."""
    try:
        return _read(client, calls)
    except AnswerTooLarge:
        return [answer for call in calls for answer in _alone(client, call)]


def _alone(client: EvmClient, call: Call) -> list[Any]:
    try:
        return _read(client, [call])
    except AnswerTooLarge as refusal:
        return [refusal]


def _read(client: EvmClient, calls: Sequence[Call]) -> list[Any]:
    """The answers of a node that has the state of these blocks; where none has, of any."""
    try:
        return client.read_as(calls, _understood(remembers=True))
    except HistoryMissing:
        return client.read_as(calls, _understood(remembers=False))


def _understood(*, remembers: bool) -> Callable[[list[Any]], list[Any]]:
    def understand(answers: list[Any]) -> list[Any]:
        for answer in answers:
            if isinstance(answer, ChainError) and _is_of_the_node(answer, remembers=remembers):
                raise answer
            if isinstance(answer, NodeError) and any(words in str(answer).lower() for words in _BLOCK_MISSING):
                raise NodeLagging(str(answer))
        return answers

    return understand


def _is_of_the_node(refusal: ChainError, *, remembers: bool) -> bool:
    """Whether the refusal is the node's fault; any other is the contract's own."""
    if isinstance(refusal, HistoryMissing):
        return remembers
    return isinstance(refusal, AnswerTooLarge | MethodMissing) or not isinstance(refusal, NodeError)


def _grown(before: Any, after: Any) -> int | str:
    for answer in (before, after):
        if isinstance(answer, ChainError):
            return answer.code if isinstance(answer, HistoryMissing) else SILENT
    # No answer after its own event: the contract is gone, and the tokens can never be spent.
    if not isinstance(before, str) or not isinstance(after, str) or after == "0x":
        return SILENT
    try:
        return token_balance(after) - token_balance(before)
    except (NodeError, ValueError):
        return SILENT

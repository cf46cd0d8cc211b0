"""How much more accounts hold after a block than before, by tokens that may refuse to say."""

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
"""Why nothing is known of a token that does not answer."""
# A node says so when it lacks the block, whatever the contract: geth, Nethermind and Besu.
_BLOCK_MISSING: Final = ("header not found", "unknown block", "block not found")


def growth(
    client: EvmClient, holders: Sequence[Holder], *, block_hash: str, previous_hash: str
) -> Mapping[Holder, int | str]:
    """By how much the balance of each holder grew in a block, or why that is not known: a stable code.

    Raises ChainError where it is the node that fails, and not the token.
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
    """What was answered to each call, tokens' refusals in their place; asked one by one where all are too much."""
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
    """The answers of a node that remembers; where none does, of any."""
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
    """Whether this says something about the node that answers; any other error is the contract's own."""
    if isinstance(refusal, HistoryMissing):
        return remembers
    return isinstance(refusal, AnswerTooLarge | MethodMissing) or not isinstance(refusal, NodeError)


def _grown(before: Any, after: Any) -> int | str:
    for answer in (before, after):
        if isinstance(answer, ChainError):
            return answer.code if isinstance(answer, HistoryMissing) else SILENT
    # Nothing at all after its own event: there is no contract any more that could pass anything on.
    if not isinstance(before, str) or not isinstance(after, str) or after == "0x":
        return SILENT
    try:
        return token_balance(after) - token_balance(before)
    except (NodeError, ValueError):
        return SILENT

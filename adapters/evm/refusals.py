"""The error answers of nodes, mapped to errors of the domain."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from domain.node_refusals import ChainError, NodeBusy, NodeError, NodeUnauthorised

# Codes of JSON-RPC and EIP-1474. Most nodes use -32000 for nearly everything, and only the message differs.
METHOD_NOT_FOUND: Final = -32601
METHOD_NOT_SUPPORTED: Final = -32004
LIMIT_EXCEEDED: Final = -32005
EXECUTION_REVERTED: Final = 3


class AnswerTooLarge(NodeError):
    """The node refuses to answer this much at once: ask for less."""

    code: ClassVar[str] = "answer_too_large"


class HistoryMissing(NodeError):
    """The node has pruned the state of this block: it takes an archive node."""

    code: ClassVar[str] = "history_missing"


class MethodMissing(NodeError):
    """The node does not support this call."""

    code: ClassVar[str] = "method_missing"


# Parts of the messages of geth, Erigon, Nethermind, Besu, Bor and the large public providers.
_TOO_LARGE: Final = (
    "query returned more than",
    "block range",
    "range is too large",
    "range too large",
    "response size",
    "too many results",
    "logs matched by query exceeds",
    "exceeds max results",
    "batch too large",
    "batch limit",
)
_RATE_LIMITED: Final = ("rate limit", "too many requests", "request limit", "compute units", "throughput")
_HISTORY_MISSING: Final = (
    "missing trie node",
    "historical state",
    "state not available",
    "state is not available",
    "state histories",
    "pruned",
    "archive",
    "no state available",
)
_UNAUTHORISED: Final = ("unauthorized", "invalid api key", "invalid project id", "must be authenticated")


def named(error: Mapping[str, Any]) -> ChainError:
    """The error for a JSON-RPC error object: its own class where there is one, else NodeError with its message."""
    number, message = error.get("code"), str(error.get("message", ""))
    rpc_code = number if isinstance(number, int) else None
    words = message.lower()
    if rpc_code in {METHOD_NOT_FOUND, METHOD_NOT_SUPPORTED}:
        return MethodMissing(message, rpc_code=rpc_code)
    for parts, refusal in (
        (_TOO_LARGE, AnswerTooLarge),
        (_HISTORY_MISSING, HistoryMissing),
    ):
        if any(part in words for part in parts):
            return refusal(message, rpc_code=rpc_code)
    if any(part in words for part in _UNAUTHORISED):
        return NodeUnauthorised(message)
    if rpc_code == LIMIT_EXCEEDED or any(part in words for part in _RATE_LIMITED):
        return NodeBusy(message)
    return NodeError(message or f"the node answered with error {number} and no words", rpc_code=rpc_code)

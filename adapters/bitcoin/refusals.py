"""The node's RPC error numbers, mapped to errors of the domain."""

from typing import Final

from domain.node_refusals import (
    ChainError,
    FeeAboveCap,
    InsufficientHotFunds,
    NodeBusy,
    NodeError,
    NodeWarmingUp,
    PaymentTooSmall,
    WalletLocked,
    WalletNotLoaded,
)

# Numbers from Bitcoin Core's rpc/protocol.h; they have been stable since long before 0.21.
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMETERS: Final = -32602
NOT_FOUND: Final = -5
INVALID_PARAMETER: Final = -8
WALLET_ERROR: Final = -4
VERIFY_ERROR: Final = -25
VERIFY_REJECTED: Final = -26
ALREADY_IN_CHAIN: Final = -27
_WARMING_UP: Final = -28

_BY_NUMBER: Final[dict[int, type[ChainError]]] = {
    _WARMING_UP: NodeWarmingUp,
    -19: WalletNotLoaded,
    -18: WalletNotLoaded,
    -13: WalletLocked,
    -12: WalletLocked,  # the key pool ran out: it cannot be refilled while locked
    -6: InsufficientHotFunds,
}
# Wallets report many errors under one number; their messages differ between versions, but contain these words.
_BY_WORDS: Final[tuple[tuple[str, type[ChainError]], ...]] = (
    ("insufficient funds", InsufficientHotFunds),
    ("exceeds maximum configured", FeeAboveCap),
    ("amount too small", PaymentTooSmall),
    ("currently rescanning", NodeBusy),
)


def named(number: int | None, message: str) -> ChainError:
    """The error for an RPC error: its own class where there is one, else NodeError with the node's message."""
    if number in _BY_NUMBER:
        return _BY_NUMBER[number](message)
    if number == WALLET_ERROR:
        for words, refusal in _BY_WORDS:
            if words in message.lower():
                return refusal(message)
    return NodeError(message or f"the node answered with error {number} and no words", rpc_code=number)

"""The reasons for which a node or its wallet may refuse, by name."""

from typing import ClassVar

from domain.errors import StrongroomError


class ChainError(StrongroomError):
    """The node did not carry out the request, and certainly changed nothing."""

    code: ClassVar[str] = "chain_error"


class ChainUncertain(ChainError):
    """The request was sent and no answer came: it may or may not have taken effect. Never treat this as a failure."""

    code: ClassVar[str] = "chain_uncertain"


class NodeTimeout(ChainUncertain):
    """The node accepted the request and did not answer in time."""

    code: ClassVar[str] = "node_timeout"


class NodeRefused(ChainError):
    """The node is unreachable: connection refused."""

    code: ClassVar[str] = "node_refused"


class NodeUnauthorised(ChainError):
    """The node rejects these credentials, or does not accept them from this address."""

    code: ClassVar[str] = "node_unauthorised"


class NodeWarmingUp(ChainError):
    """The node is still starting and does not answer yet."""

    code: ClassVar[str] = "node_warming_up"


class NodeBusy(ChainError):
    """The node has more work than it accepts, or its wallet is busy with a scan."""

    code: ClassVar[str] = "node_busy"


class NodeWrongChain(ChainError):
    """The node serves a different chain from the configured one."""

    code: ClassVar[str] = "node_wrong_chain"


class NodeLagging(ChainError):
    """The node is behind the network, or has received no block for too long: its data is old."""

    code: ClassVar[str] = "node_lagging"


class NodeError(ChainError):
    """The node refused with an unknown error; the message has its words.

    `rpc_code` is the number the node gave with it, or None where it gave none.
    """

    code: ClassVar[str] = "node_error"

    def __init__(self, message: str, *, rpc_code: int | None = None) -> None:
        super().__init__(message)
        self.rpc_code = rpc_code


class WalletNotLoaded(ChainError):
    """The node has no such wallet, or has not loaded it."""

    code: ClassVar[str] = "wallet_not_loaded"


class WalletLocked(ChainError):
    """The wallet is encrypted and locked: an operator must unlock it before it can sign."""

    code: ClassVar[str] = "wallet_locked"


class InsufficientHotFunds(ChainError):
    """The hot wallet cannot pay this amount and its fee from what it may spend now."""

    code: ClassVar[str] = "insufficient_hot_funds"


class FeeAboveCap(ChainError):
    """The network fee would be above its cap."""

    code: ClassVar[str] = "fee_above_cap"


class FeeUnknown(ChainError):
    """The node cannot estimate a fee yet, and this network has no fallback fee."""

    code: ClassVar[str] = "fee_unknown"


class PaymentTooSmall(ChainError):
    """The amount is dust: nodes would not relay it."""

    code: ClassVar[str] = "payment_too_small"


class BumpImpossible(ChainError):
    """The change output is too small to pay a higher fee that nodes would relay as a replacement."""

    code: ClassVar[str] = "bump_impossible"


class DescriptorRefused(ChainError):
    """The node rejects this descriptor; the message has its reason."""

    code: ClassVar[str] = "descriptor_refused"


class ScanInProgress(ChainError):
    """The node is already scanning its unspent outputs; it runs one scan at a time."""

    code: ClassVar[str] = "scan_in_progress"


class ScanAborted(ChainError):
    """The scan was aborted: by an operator, by a time limit or because the node stopped."""

    code: ClassVar[str] = "scan_aborted"

"""The reasons for which a node or its wallet may refuse, by name."""

from typing import ClassVar

from domain.errors import StrongroomError


class ChainError(StrongroomError):
    """The node did not do what was asked, and it is certain that nothing happened."""

    code: ClassVar[str] = "chain_error"


class ChainUncertain(ChainError):
    """The request left, and no answer came: it may or may not have happened. Never treat this as a failure."""

    code: ClassVar[str] = "chain_uncertain"


class NodeTimeout(ChainUncertain):
    """The node took the request and did not answer in time."""

    code: ClassVar[str] = "node_timeout"


class NodeRefused(ChainError):
    """The node cannot be reached: nothing listens at its address."""

    code: ClassVar[str] = "node_refused"


class NodeUnauthorised(ChainError):
    """The node does not accept these credentials, or not from this address."""

    code: ClassVar[str] = "node_unauthorised"


class NodeWarmingUp(ChainError):
    """The node is still starting and answers no questions yet."""

    code: ClassVar[str] = "node_warming_up"


class NodeBusy(ChainError):
    """The node has more work than it accepts, or its wallet is busy with a scan."""

    code: ClassVar[str] = "node_busy"


class NodeWrongChain(ChainError):
    """The node serves another chain than the one configured."""

    code: ClassVar[str] = "node_wrong_chain"


class NodeLagging(ChainError):
    """The node knows that it is behind the network, or has heard nothing for too long: what it shows is old."""

    code: ClassVar[str] = "node_lagging"


class NodeError(ChainError):
    """The node refused for a reason that has no name here; the message carries its words.

    `rpc_code` is the number the node gave with it, or None where it gave none.
    """

    code: ClassVar[str] = "node_error"

    def __init__(self, message: str, *, rpc_code: int | None = None) -> None:
        super().__init__(message)
        self.rpc_code = rpc_code


class WalletNotLoaded(ChainError):
    """The node knows no such wallet, or has not loaded it."""

    code: ClassVar[str] = "wallet_not_loaded"


class WalletLocked(ChainError):
    """The wallet is encrypted and locked: somebody has to unlock it before it can sign."""

    code: ClassVar[str] = "wallet_locked"


class InsufficientHotFunds(ChainError):
    """The wallet cannot pay this amount and its fee from what it may spend now."""

    code: ClassVar[str] = "insufficient_hot_funds"


class FeeAboveCap(ChainError):
    """The network fee would be above the cap that was given."""

    code: ClassVar[str] = "fee_above_cap"


class FeeUnknown(ChainError):
    """The node cannot estimate a fee yet, and this network has no fallback."""

    code: ClassVar[str] = "fee_unknown"


class PaymentTooSmall(ChainError):
    """The amount is dust: nodes would not relay it."""

    code: ClassVar[str] = "payment_too_small"


class BumpImpossible(ChainError):
    """The change cannot carry a higher fee that nodes would relay as a replacement."""

    code: ClassVar[str] = "bump_impossible"


class DescriptorRefused(ChainError):
    """The node does not accept this descriptor; the message carries its words."""

    code: ClassVar[str] = "descriptor_refused"


class ScanInProgress(ChainError):
    """The node is scanning its unspent outputs already, and does one scan at a time."""

    code: ClassVar[str] = "scan_in_progress"


class ScanAborted(ChainError):
    """The scan was ended before it was done: by an operator, by a time limit or by the node's stop."""

    code: ClassVar[str] = "scan_aborted"

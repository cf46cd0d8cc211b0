"""What the core asks of the outside, and the words in which the outside may refuse."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, NamedTuple, Protocol

from domain.errors import StrongroomError
from domain.networks import Network
from domain.scanning import DescriptorNode

# ---------------------------------------------------------------------------------------------- refusals


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


# -------------------------------------------------------------------------------------- what a chain shows


class OutPoint(NamedTuple):
    """One output of one transaction."""

    txid: str
    vout: int


@dataclass(frozen=True, slots=True)
class Tip:
    """The node's best block and how far it says it still has to go.

    The node lags when `headers_height` is above `height`, when `in_initial_download`, or when `median_time` is old;
    how old is the caller's judgement (regtest nodes always look old).
    """

    height: int
    hash: str
    headers_height: int
    median_time: datetime
    in_initial_download: bool


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What a node says of itself, for a person who looks after it."""

    software: str
    """As it announces itself to peers, such as /LitecoinCore:0.21.2.1/."""
    node_chain: str
    peers: int
    wallets_loaded: tuple[str, ...]
    news_addresses: tuple[str, ...]
    """Where the node announces news over ZMQ; empty when it does not."""


class ChainOutput(NamedTuple):
    """One output: its place, its scriptPubKey as bytes, its amount. A tuple, because blocks hold thousands."""

    vout: int
    script: bytes
    amount_minor: int


class ChainTransaction(NamedTuple):
    """One transaction. `spends` is empty for a coinbase."""

    txid: str
    outputs: tuple[ChainOutput, ...]
    spends: tuple[OutPoint, ...]
    is_coinbase: bool


@dataclass(frozen=True, slots=True)
class Block:
    """One block with everything in it. `previous_hash` is empty for the genesis block."""

    height: int
    hash: str
    previous_hash: str
    time: datetime
    transactions: tuple[ChainTransaction, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """Where a transaction is now.

    Exactly one of these holds: it is in a block (`confirmations` ≥ 1, hash and height given); it is in the mempool; it
    is known and in neither (0 confirmations: evicted, replaced or reorganised away, and may still come back); or a
    block holds a transaction that spends one of its inputs (`confirmations` is minus the depth of that block, and
    `conflicted_by` names the transaction where the wallet knows it).
    """

    confirmations: int
    block_hash: str | None
    block_height: int | None
    in_mempool: bool
    conflicted_by: str | None


class ChainSource(Protocol):
    """What can be read from a node without a wallet. Reads are retried briefly; every method may raise ChainError.

    A failed read says nothing about the chain: NodeTimeout here means only "unknown".
    """

    @property
    def network(self) -> Network:
        """The network this chain was configured for; a node of another one is refused with NodeWrongChain."""
        ...

    def facts(self) -> NodeFacts:
        """What the node says of itself, for `doctor` and the operator's pages."""
        ...

    def tip(self) -> Tip:
        """The node's best block. Raises NodeWrongChain when the genesis block is not the network's."""
        ...

    def block_hashes(self, first_height: int, count: int) -> list[str]:
        """The hashes of the active chain from a height on, in one round trip; shorter, or empty, at the tip."""
        ...

    def blocks(self, hashes: Sequence[str]) -> list[Block]:
        """The whole blocks with these hashes, in this order, in few round trips. Unknown hashes raise NodeError."""
        ...

    def mempool(self) -> frozenset[str]:
        """The ids of all unconfirmed transactions the node holds now. Cheap: no details."""
        ...

    def mempool_transactions(self, txids: Collection[str]) -> Mapping[str, ChainTransaction]:
        """Those of these transactions that are in the mempool; the ones that have left it meanwhile are absent."""
        ...


# ------------------------------------------------------------------------------------- what a wallet does


@dataclass(frozen=True, slots=True)
class Holding:
    """What the wallet holds, read together with the block that it was read at.

    `trusted_minor` is confirmed money and own unconfirmed change; `unconfirmed_minor` came from others and is in no
    block; `immature_minor` is mined and not yet spendable.
    """

    trusted_minor: int
    unconfirmed_minor: int
    immature_minor: int
    height: int
    hash: str


@dataclass(frozen=True, slots=True)
class NewAddress:
    """An address of the wallet and its scriptPubKey, which is what blocks are matched against."""

    address: str
    script: bytes


@dataclass(frozen=True, slots=True)
class Payment:
    """One amount to one address (which the caller has validated for the network)."""

    address: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class SignedPayment:
    """A fully signed transaction that nobody has seen yet.

    `payment_vouts` holds the output index of each payment in the order in which they were given. Its inputs stay
    locked in the node's wallet until the node restarts or `reserve` says otherwise.
    """

    txid: str
    raw_tx: str
    fee_minor: int
    vsize: int
    inputs: tuple[OutPoint, ...]
    payment_vouts: tuple[int, ...]
    change_vout: int | None


@dataclass(frozen=True, slots=True)
class BroadcastAnswer:
    """What the node said to a transaction.

    `accepted`: it is in the node's mempool now. `already_known`: it is in a block, or the node says it had it.
    `rejected`: not taken now, with the node's reason; no proof that it can never confirm, since others may hold it.
    """

    outcome: Literal["accepted", "already_known", "rejected"]
    reason: str = ""


class Wallet(Protocol):
    """The hot wallet. Nothing here is retried, except reads; every method may raise ChainError."""

    def ensure_wallet(self) -> None:
        """Load the configured wallet, or create it if the node has none of that name. Safe to repeat."""
        ...

    def new_addresses(self, count: int) -> list[NewAddress]:
        """Fresh receiving addresses. If it fails half-way, the ones already made are lost, which is harmless."""
        ...

    def holding(self) -> Holding:
        """What the wallet holds, at one block: read again while blocks arrive in between. For reconciliation only."""
        ...

    def build(
        self,
        payments: Sequence[Payment],
        *,
        fee_max_minor: int,
        fee_rate_minor_per_kvb: int | None = None,
        avoid: Collection[OutPoint] = (),
    ) -> SignedPayment:
        """Sign one replaceable transaction that makes all payments and broadcast nothing.

        The fee rate is the node's estimate unless given. Inputs in `avoid` (those of payments still in flight) are
        not spent. Raises InsufficientHotFunds, FeeAboveCap, FeeUnknown, PaymentTooSmall, WalletLocked; whatever it
        raises, no input stays locked by it, unless the node went away.
        """
        ...

    def bump(
        self, payment: SignedPayment, *, fee_max_minor: int, fee_rate_minor_per_kvb: int | None = None
    ) -> SignedPayment:
        """Sign a replacement: same inputs, same payments, less change, more fee; broadcast nothing.

        Without a rate: the node's estimate, or the least that replaces. Raises BumpImpossible, FeeAboveCap.
        """
        ...

    def broadcast(self, raw_tx: str) -> BroadcastAnswer:
        """Offer these bytes. Safe to repeat. Raises ChainUncertain when no answer came."""
        ...

    def locate(self, txid: str) -> Located | None:
        """Where one of the wallet's transactions is; None when the node does not know it, which proves nothing."""
        ...

    def reserve(self, inputs: Collection[OutPoint]) -> None:
        """Make the wallet's locked inputs exactly these: lock what is missing, unlock what is not named.

        The caller lets no `build` run meanwhile: inputs just chosen and not yet recorded would be unlocked.
        """
        ...


class ChainWaker(Protocol):
    """Something that notices a node's news early. Only ever a hint: polling finds what it misses."""

    def wait(self, timeout_s: float) -> bool:
        """True when the node announced something, False when the time passed without news."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Chain(ChainSource, Wallet, DescriptorNode, Protocol):
    """One configured rail of the Bitcoin family: its node and its hot wallet."""

    def news(self) -> ChainWaker | None:
        """What the node announces, to be waited for by one thread; None when it announces nothing."""
        ...


# -------------------------------------------------------------------------------------------- wake-ups


class Publisher(Protocol):
    """Tells workers that there may be something to do. Losing a wake-up costs time, never work."""

    def wake(self, names: Iterable[str]) -> None:
        """Wake the tasks with these names, best effort: never raises, never waits long."""
        ...

"""What the core asks of the outside."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Protocol, TypeGuard

from domain.chain_facts import Block, ChainTransaction, Located, NodeFacts, OutPoint, Tip
from domain.networks import Network
from domain.rail_rows import RailRow
from domain.scanning import DescriptorNode
from domain.wallet_facts import BroadcastAnswer, Holding, NewAddress, Payment, SentTransaction, SignedPayment

_NONE: Mapping[str, str] = MappingProxyType({})


class ChainSource(Protocol):
    """What can be read from a node without a wallet. Reads are retried briefly; every method may raise ChainError.

    A failed read says nothing about the chain: NodeTimeout here means only "unknown".
    """

    @property
    def rail(self) -> RailRow:
        """The rail this chain was configured for; a node of another one is refused with NodeWrongChain."""
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

    def blocks(
        self, hashes: Sequence[str], *, contracts: Mapping[str, str] = _NONE, senders: Collection[str] = ()
    ) -> list[Block]:
        """The blocks with these hashes, in this order, in few round trips. Unknown hashes raise NodeError.

        Whole blocks, or, where a block holds far more than payments: every transfer of the coin and of the tokens in
        `contracts`, and every transaction that one of `senders` (accounts of ours) sent, failed ones too. `contracts`
        says for each contract which is the canonical one of its asset: what a mirror repeats is told once.
        """
        ...

    def mempool(self) -> frozenset[str]:
        """The ids of all unconfirmed transactions the node holds now, or nothing where that is no use. Cheap."""
        ...

    def mempool_transactions(self, txids: Collection[str]) -> Mapping[str, ChainTransaction]:
        """Those of these transactions that are in the mempool; the ones that have left it meanwhile are absent."""
        ...


class Wallet(Protocol):
    """The hot wallet. Nothing here is retried, except reads; every method may raise ChainError."""

    @property
    def rail(self) -> RailRow:
        """The rail this wallet's money is on."""
        ...

    def ensure_wallet(self) -> None:
        """Load the configured wallet, or create it if the node has none of that name. Safe to repeat."""
        ...

    def new_addresses(self, count: int, *, first_index: int = 0) -> list[NewAddress]:
        """Fresh receiving addresses. If it fails half-way, the ones already made are lost, which is harmless.

        Where they are derived from an extended key, they are the `count` ones from `first_index` on.
        """
        ...

    def holding(self, contract: str = "", *, unswept: Collection[str] = ()) -> Holding:
        """What the wallet holds of one asset, at one block: read again while blocks arrive in between.

        For reconciliation only. `unswept` are deposit addresses of ours outside the wallet, read at the same block.
        """
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

        At most `rail.payments_per_transaction` of them. The fee rate is the node's estimate unless given; the cap is in
        the asset that fees are paid in. Inputs in `avoid` (those of payments still in flight) are not spent. Raises
        InsufficientHotFunds, FeeAboveCap, FeeUnknown, PaymentTooSmall, WalletLocked; whatever it raises, no input stays
        locked by it, unless the node went away.
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


class Chain(ChainSource, Wallet, Protocol):
    """One configured chain: its node and its hot wallet."""

    @property
    def rail(self) -> RailRow:
        """The rail this chain was configured for."""
        ...

    def news(self) -> ChainWaker | None:
        """What the node announces, to be waited for by one thread; None when it announces nothing."""
        ...


class DescriptorChain(Chain, DescriptorNode, Protocol):
    """A chain of the Bitcoin family, whose node also understands descriptors."""

    @property
    def network(self) -> Network:
        """The rail, with what only this family has."""
        ...

    def sent_since(self, height: int) -> list[SentTransaction]:
        """All that the wallet sent and that is in no block up to this height, conflicted ones apart.

        It may list more. For recovery only: it asks the wallet for its whole history from there on.
        """
        ...


def understands_descriptors(chain: Chain) -> TypeGuard[DescriptorChain]:
    """Whether this chain is of the family whose nodes read descriptors."""
    return isinstance(chain.rail, Network)


def tells_senders(chain: object) -> TypeGuard["SenderReader"]:
    """Whether this rail can tell who paid."""
    return hasattr(chain, "senders")


class SenderReader(Protocol):
    """A chain that can tell who paid: asked once for each deposit that has to be screened."""

    @property
    def rail(self) -> RailRow:
        """The rail whose payments these are."""
        ...

    def senders(self, txid: str, vout: int, block_hash: str | None) -> tuple[str, ...]:
        """The addresses that this output was paid from, as the rail spells them; empty for newly made coins.

        Raises ChainError, also when the node cannot tell: then nothing is known, and nobody is clear.
        """
        ...


class Screening(Protocol):
    """A service that knows whose money may not be taken in."""

    def look_up(self, chain: str, addresses: Collection[str]) -> str | None:
        """Why these senders are refused, or None when it says that they are clear. Raises NoAnswer otherwise."""
        ...


class PriceFeed(Protocol):
    """Something that is asked for a price."""

    def ask(
        self, url: str, *, price_path: str, time_path: str | None, headers: Mapping[str, str] | None = None
    ) -> tuple[Decimal, datetime | None]:
        """The price at this address, and when it was so if the answer says that. Raises NoAnswer, InvalidPrice."""
        ...


class Publisher(Protocol):
    """Tells workers that there may be something to do. Losing a wake-up costs time, never work."""

    def wake(self, names: Iterable[str]) -> None:
        """Wake the tasks with these names, best effort: never raises, never waits long."""
        ...

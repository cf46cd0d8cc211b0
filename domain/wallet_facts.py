"""What the core and a hot wallet tell each other: holdings, payments, and what became of them."""

from dataclasses import dataclass, field
from typing import Literal

from domain.chain_facts import OutPoint


@dataclass(frozen=True, slots=True)
class Holding:
    """What the wallet holds, read together with the block that it was read at.

    `trusted_minor` is confirmed money and own unconfirmed change; `unconfirmed_minor` came from others and is in no
    block; `immature_minor` is mined and not yet spendable; `unswept_minor` lies on deposit addresses that are ours and
    not the wallet itself. A provider has no blocks: its `hash` is empty.
    """

    trusted_minor: int
    unconfirmed_minor: int
    immature_minor: int
    height: int
    hash: str
    unswept_minor: int = 0


@dataclass(frozen=True, slots=True)
class NewAddress:
    """An address of the wallet and its scriptPubKey, which is what blocks are matched against.

    `derivation_index` is its place under an extended key, where addresses are derived rather than asked for.
    """

    address: str
    script: bytes
    derivation_index: int | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """One amount to one address (which the caller has validated for the network); `contract` "" is the coin.

    `name` is that of the person who is paid, where a provider has to be told.
    """

    address: str
    amount_minor: int
    contract: str = ""
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignedPayment:
    """A fully signed transaction that nobody has seen yet.

    `payment_vouts` holds the output index of each payment in the order in which they were given. Its inputs stay
    locked in the node's wallet until the node restarts or `reserve` says otherwise. `fee_minor` is the most that it
    can cost, `amount_minor` what it moves, where the wallet decides that by itself. Of a provider: `txid` is our
    idempotency reference, `raw_tx` the exact body of the request, no inputs.
    """

    txid: str
    raw_tx: str
    fee_minor: int
    vsize: int
    inputs: tuple[OutPoint, ...]
    payment_vouts: tuple[int, ...]
    change_vout: int | None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True)
class SweepCost:
    """What sweeping an asset away from one address costs, and how much of the chain's coin is there to pay for it."""

    fee_minor: int
    coin_minor: int

    @property
    def missing_minor(self) -> int:
        """How much coin has to be sent to the address first."""
        return max(0, self.fee_minor - self.coin_minor)


@dataclass(frozen=True, slots=True)
class BroadcastAnswer:
    """What the node said to a transaction.

    `accepted`: it is in the node's mempool now. `already_known`: it is in a block, or the node already had it.
    `rejected`: not taken now, with the node's reason; no proof that it can never confirm, since other nodes may hold
    it. `refused`: only a provider says so; it has made no payment for this request and never will, also not for an
    earlier one under the same reference. That is proof of failure.
    """

    outcome: Literal["accepted", "already_known", "rejected", "refused"]
    reason: str = ""
    provider_id: str = ""
    """The provider's own id of the payment, where it took the request."""


@dataclass(frozen=True, slots=True)
class SentOutput:
    """One output of a wallet's transaction that left it; `address` is empty where the script has none.

    `contract` "" is the coin.
    """

    vout: int
    address: str
    amount_minor: int
    contract: str = ""


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """A transaction that the wallet remembers having sent, to others (`outputs`) or, without any, only to itself.

    `confirmations` is 0 while no block holds it; `change_vout` is None where there is not exactly one other output.
    `raw_tx` is empty where its bytes are not known; one that is in a block and not `succeeded` moved nothing.
    """

    txid: str
    raw_tx: str
    fee_minor: int
    vsize: int
    inputs: tuple[OutPoint, ...]
    outputs: tuple[SentOutput, ...]
    change_vout: int | None
    confirmations: int
    block_hash: str | None
    block_height: int | None
    succeeded: bool = True

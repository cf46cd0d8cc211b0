"""What a chain shows: blocks, transactions, and the node that serves them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple


class OutPoint(NamedTuple):
    """Something that only one transaction can spend: an output of another one or, on a chain of accounts, a nonce.

    For a nonce, `txid` is the account's address in lower case, and `vout` the nonce.
    """

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
    final_height: int | None = None
    """Up to where the chain itself says that nothing changes any more; None where only depth tells."""


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


NATIVE_VALUE: Final = -1
"""The place, among the logs of a transaction, of the coin that it carries itself."""
COINBASE_MATURITY: Final = 100
"""How deep a block has to be before what it created can be spent."""


class ChainOutput(NamedTuple):
    """One output: its place, its scriptPubKey as bytes, its amount. A tuple, because blocks hold thousands.

    On a chain of accounts: the log's index (or NATIVE_VALUE), the recipient's address as bytes, what arrived.
    `contract` is that of the token, spelled as in the registry of assets; "" is the chain's coin.
    """

    vout: int
    script: bytes
    amount_minor: int
    contract: str = ""


class ChainTransaction(NamedTuple):
    """One transaction. `spends` is empty for a coinbase.

    Chains whose transactions can fail tell so in `succeeded`; a failed one has no outputs and still used up what it
    spends and its fee. `fee_minor` is what it cost in the end, where the chain says so: in the coin's smallest unit.
    """

    txid: str
    outputs: tuple[ChainOutput, ...]
    spends: tuple[OutPoint, ...]
    is_coinbase: bool
    succeeded: bool = True
    fee_minor: int | None = None


class TokenMovement(NamedTuple):
    """One transfer event of a known token.

    In the list of what a block sets aside, `vout` is the event's place and `reason` says why the received amount is
    unknown.
    """

    txid: str
    block_height: int
    block_hash: str
    contract: str
    recipient: bytes
    amount_minor: int
    vout: int = NATIVE_VALUE
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One block with everything in it. `previous_hash` is empty for the genesis block.

    `set_aside` are token transfers whose received amount could not be read. They are in no output, and nothing is
    credited for them until it can.
    """

    height: int
    hash: str
    previous_hash: str
    time: datetime
    transactions: tuple[ChainTransaction, ...]
    set_aside: tuple[TokenMovement, ...] = ()


@dataclass(frozen=True, slots=True)
class Located:
    """Where a transaction is now.

    Exactly one of these holds: it is in a block (`confirmations` ≥ 1, hash and height given); it is in the mempool; it
    is known and in neither (0 confirmations: evicted, replaced or reorganised away, and may still come back); or a
    block holds a transaction that spends one of its inputs (`confirmations` is minus the depth of that block;
    `conflicted_by` names the transaction and `block_height` the block's height where the wallet knows them).
    """

    confirmations: int
    block_hash: str | None
    block_height: int | None
    in_mempool: bool
    conflicted_by: str | None

"""What a chain shows to everybody: blocks, transactions and the node that tells of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


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

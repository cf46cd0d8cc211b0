"""What a rail is, as data: its assets, their default policy, and how its addresses and payments are written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final, Protocol

NO_NETWORKS: Final[Mapping[str, str]] = MappingProxyType({})
"""What every rail but a custodian's has."""


@dataclass(frozen=True, slots=True)
class ConfirmationTier:
    """How many confirmations an amount needs; `below_amount_minor` is exclusive, None means "any amount"."""

    below_amount_minor: int | None
    confirmations: int


@dataclass(frozen=True, slots=True)
class DefaultPolicy:
    """What a fresh installation allows, in the smallest unit; stored policies replace it row by row."""

    deposit_min_minor: int
    withdrawal_min_minor: int
    withdrawal_fee_minor: int
    auto_approve_max_minor: int
    user_daily_max_minor: int
    system_daily_max_minor: int
    two_approvers_from_minor: int
    network_fee_max_minor: int
    """The cap on the fee of one payout transaction, however many payments it carries, in the asset that fees are paid
    in (which need not be this one)."""
    paused: bool = False
    """Whether nothing leaves until an operator resumes it."""


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One kind of money on one rail.

    `contracts` is empty for a chain's own coin. Otherwise the first is canonical; others are mirrors, older generations
    of the same token, which may show a second event for one movement. On a rail without contracts that carries several
    assets (a custodian, a bank provider) the one entry is whatever the provider calls the asset. Lower case where case
    means nothing. `is_trusted` says that the contract's own word about what moved has been examined; amounts that
    any other contract tells of are compared with balances before they count.
    """

    asset_id: str
    chain: str
    symbol: str
    name: str
    decimals: int
    policy: DefaultPolicy
    confirmation_tiers: tuple[ConfirmationTier, ...]
    contracts: tuple[str, ...] = ()
    is_trusted: bool = False

    @property
    def contract(self) -> str | None:
        """The canonical one; None for a chain's own coin."""
        return self.contracts[0] if self.contracts else None


def token_policy(decimals: int, network_fee_max_minor: int) -> DefaultPolicy:
    """The policy of a token whose worth is not known here: nothing leaves without an operator's approval."""
    unit = 10**decimals
    least = max(1, unit // 100)
    return DefaultPolicy(
        deposit_min_minor=least,
        withdrawal_min_minor=least,
        withdrawal_fee_minor=0,
        auto_approve_max_minor=0,
        user_daily_max_minor=10_000 * unit,
        system_daily_max_minor=100_000 * unit,
        two_approvers_from_minor=1_000 * unit,
        network_fee_max_minor=network_fee_max_minor,
    )


@dataclass(frozen=True, slots=True)
class Destination:
    """Where money can be sent: its canonical spelling, and the bytes that outputs are matched against."""

    text: str
    script: bytes


@dataclass(frozen=True, slots=True)
class HashSpelling:
    """How the transactions of a chain are identified.

    `parse` gives the canonical form, or None when the text cannot be a hash; `nobodys` is a hash that no transaction
    has: a provider that works answers that it does not know it.
    """

    parse: Callable[[str], str | None]
    nobodys: str


class RailRow(Protocol):
    """One rail: a chain, a custodian or a provider of payouts. Rows are data and connect to nothing."""

    @property
    def chain(self) -> str:
        """The rail's id, as settings and records name it."""
        ...

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def family(self) -> str:
        """Which adapter serves it: bitcoin, evm, circle and so on."""
        ...

    @property
    def coin(self) -> AssetRow:
        """The chain's own coin, in which its fees are paid; of a provider, its first asset."""
        ...

    @property
    def assets(self) -> Sequence[AssetRow]:
        """Every asset that ships with the rail, the coin first. The registry in the database may hold more."""
        ...

    @property
    def block_interval(self) -> timedelta:
        """How long a block takes on average; of a provider, how long a transfer does."""
        ...

    @property
    def is_test(self) -> bool:
        """Whether its money is worth nothing."""
        ...

    @property
    def is_private(self) -> bool:
        """Whether blocks come only when somebody here makes one, so that no waiting time can be told."""
        ...

    @property
    def has_accounts(self) -> bool:
        """Whether money lies on accounts that pay in order of their nonces, rather than in outputs.

        A user then has one permanent address, and of a block only what our own accounts sent has to be recognised
        besides.
        """
        ...

    @property
    def networks(self) -> Mapping[str, str]:
        """Of a custodian: the chains on which its money moves, by its code, as people call them; none elsewhere.

        Addresses and destinations then begin with the chain's code and a colon.
        """
        ...

    @property
    def takes_deposits(self) -> bool:
        """Whether people can be given an address to pay in by."""
        ...

    @property
    def hashes(self) -> HashSpelling | None:
        """How transactions are identified, on rails where claimed payments can be looked up; None elsewhere."""
        ...

    @property
    def tells_senders(self) -> bool:
        """Whether its adapter can tell who paid (`SenderReader`), so that senders can be screened."""
        ...

    @property
    def folds_case(self) -> bool:
        """Whether addresses and contracts ignore case: they are then compared in lower case."""
        ...

    @property
    def payments_per_transaction(self) -> int:
        """How many payments one transaction may carry at most."""
        ...

    @property
    def dust_limit_minor(self) -> int:
        """The least that one payment may carry; 0 where nothing is too little."""
        ...

    def fee_asset_id(self, asset_id: str) -> str:
        """The asset in which the fee for paying this one out is taken."""
        ...

    def parse_destination(self, text: object, *, field: str = "destination") -> Destination:
        """Read where somebody wants to be paid. Raises InvalidAddress, WrongNetwork, UnsupportedAddress."""
        ...

    def payment_uri(self, address: str, *, contract: str = "", amount_minor: int | None = None) -> str:
        """What a wallet scans to pay this address; `contract` names the asset, "" the coin."""
        ...

    def explorer_url(self, tx_hash: str) -> str | None:
        """Where anybody can look a transaction up; None where nobody shows them."""
        ...

"""Rails on which claimed payments are verified, and which are neither watched nor paid from: rows of data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Final

from domain.aptos import parse_aptos_address
from domain.rail_rows import NO_NETWORKS, AssetRow, ConfirmationTier, DefaultPolicy, Destination, HashSpelling
from domain.solana import SOLANA_SIGNATURE, parse_solana_address
from domain.tron import parse_tron_address
from domain.tx_hashes import BARE_HEX, PREFIXED_HEX


@dataclass(frozen=True)
class ClaimRail:
    """One chain that providers are asked about (a `RailRow`); each of these chains says itself what is final.

    Nothing can be sent on it from here, so withdrawals of its assets start paused.
    """

    chain: str
    name: str
    coin_facts: tuple[str, str, str, int, int]
    """Asset id, symbol, name, decimals, and roughly how much of it one dollar is, in the smallest unit."""
    tokens: tuple[tuple[str, str, int, str], ...]
    """Symbol, name, decimals, contract; each contract was compared with several public lists in November 2026."""
    block_interval: timedelta
    parse: Callable[..., Destination]
    hashes: HashSpelling | None
    explorer: str
    family: str
    is_test: bool = False
    is_private: bool = False
    has_accounts: bool = True
    networks: Mapping[str, str] = field(default_factory=lambda: NO_NETWORKS, hash=False)
    takes_deposits: bool = False
    payments_per_transaction: int = 1
    dust_limit_minor: int = 0
    tells_senders: bool = False
    folds_case: bool = False

    @cached_property
    def coin(self) -> AssetRow:
        """The chain's own coin."""
        asset_id, symbol, name, decimals, dollar_minor = self.coin_facts
        return self._row(asset_id, symbol, name, decimals, dollar_minor, ())

    @cached_property
    def assets(self) -> tuple[AssetRow, ...]:
        """The coin, then the tokens."""
        tokens = (
            self._row(f"{symbol}.{self.chain}", symbol, name, decimals, 10**decimals, (contract,))
            for symbol, name, decimals, contract in self.tokens
        )
        return (self.coin, *tokens)

    def fee_asset_id(self, asset_id: str) -> str:  # noqa: ARG002 - every asset here is paid for in the same coin
        """The coin."""
        return self.coin.asset_id

    def parse_destination(self, text: object, *, field: str = "destination") -> Destination:
        """Read an address. Raises InvalidAddress, WrongNetwork, UnsupportedAddress."""
        return self.parse(text, field=field)

    def payment_uri(self, address: str, *, contract: str = "", amount_minor: int | None = None) -> str:  # noqa: ARG002 - no spelling that wallets share
        """The address alone."""
        return address

    def explorer_url(self, tx_hash: str) -> str | None:
        """Where anybody can look a transaction up."""
        return self.explorer + tx_hash

    def _row(  # noqa: PLR0917 - one row of a table, written as a row
        self, asset_id: str, symbol: str, name: str, decimals: int, dollar_minor: int, contracts: tuple[str, ...]
    ) -> AssetRow:
        policy = DefaultPolicy(
            deposit_min_minor=dollar_minor,
            withdrawal_min_minor=5 * dollar_minor,
            withdrawal_fee_minor=dollar_minor,
            auto_approve_max_minor=0,
            user_daily_max_minor=20_000 * dollar_minor,
            system_daily_max_minor=200_000 * dollar_minor,
            two_approvers_from_minor=10_000 * dollar_minor,
            network_fee_max_minor=dollar_minor,
            paused=True,
        )
        tiers = (ConfirmationTier(None, 1),)
        return AssetRow(asset_id, self.chain, symbol, name, decimals, policy, tiers, contracts, is_trusted=True)


_ROWS: Final = (
    ClaimRail(
        chain="solana", name="Solana", family="solana", coin_facts=("SOL", "SOL", "Solana", 9, 10**9 // 150),
        tokens=(
            ("USDC", "USD Coin", 6, "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
            ("USDT", "Tether USD", 6, "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"),
        ),
        block_interval=timedelta(seconds=1), parse=parse_solana_address, hashes=SOLANA_SIGNATURE,
        explorer="https://solscan.io/tx/",
    ),
    # Circle stopped issuing USDC here in 2024; what circulates still moves.
    ClaimRail(
        chain="tron", name="Tron", family="tron", coin_facts=("TRX", "TRX", "Tron", 6, 4 * 10**6),
        tokens=(
            ("USDT", "Tether USD", 6, "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
            ("USDC", "USD Coin", 6, "TEkxiTehnzSmSe2XqrBj4w32RUN966rdz8"),
        ),
        block_interval=timedelta(seconds=3), parse=parse_tron_address, hashes=BARE_HEX,
        explorer="https://tronscan.org/#/transaction/",
    ),
    # The contract of a fungible asset is the address of its metadata. Bridged namesakes are other assets.
    ClaimRail(
        chain="aptos", name="Aptos", family="aptos", coin_facts=("APT", "APT", "Aptos", 8, 10**8 // 5),
        tokens=(
            ("USDT", "Tether USD", 6, "0x357b0b74bc833e95a115ad22604854d6b0fca151cecd94111770e5d6ffc9dc2b"),
            ("USDC", "USD Coin", 6, "0xbae207659db88bea0cbead6da0ed00aac12edcdda169e591cd41c94180b46f3b"),
        ),
        block_interval=timedelta(seconds=1), parse=parse_aptos_address, hashes=PREFIXED_HEX,
        explorer="https://explorer.aptoslabs.com/txn/",
    ),
)  # fmt: skip

CLAIM_RAILS: Final[Mapping[str, ClaimRail]] = MappingProxyType({row.chain: row for row in _ROWS})
"""Every such rail by its id."""

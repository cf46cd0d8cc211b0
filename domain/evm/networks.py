"""The EVM family as data: one row per network, with its coin and its tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Final

from domain.evm.addresses import parse_evm_address
from domain.evm.tokens import TOKENS, TokenFacts
from domain.rail_rows import NO_NETWORKS, AssetRow, ConfirmationTier, DefaultPolicy, Destination, HashSpelling
from domain.tx_hashes import PREFIXED_HEX

WEI: Final = 10**18
"""Smallest units in one coin, on every network of the family."""
GWEI: Final = 10**9


@dataclass(frozen=True)
class EvmNetwork:
    """One chain of the family (a `RailRow`).

    `finality_tag` is the name under which a node tells its newest final block; None means that depth decides.
    `priority_fee_min_minor` is the least per unit of gas that this network's producers take a transaction for.
    `has_data_fee`: it also charges for publishing its transactions elsewhere, in a fee of its own (OP stack).
    """

    chain: str
    name: str
    chain_id: int
    coin_asset_id: str
    coin_symbol: str
    coin_name: str
    block_interval: timedelta
    coin_per_dollar_minor: int
    """Roughly, and for the limits of a fresh installation only."""
    network_fee_max_minor: int
    priority_fee_min_minor: int
    explorer: str | None
    finality_tag: str | None = "finalized"
    has_data_fee: bool = False
    is_test: bool = False
    is_private: bool = False
    family: str = "evm"
    has_accounts: bool = True
    networks: Mapping[str, str] = field(default_factory=lambda: NO_NETWORKS, hash=False)
    takes_deposits: bool = True
    payments_per_transaction: int = 1
    dust_limit_minor: int = 0
    hashes: HashSpelling | None = PREFIXED_HEX
    tells_senders: bool = True
    folds_case: bool = True

    @cached_property
    def coin(self) -> AssetRow:
        """The chain's own coin, in which gas is paid."""
        return AssetRow(
            asset_id=self.coin_asset_id,
            chain=self.chain,
            symbol=self.coin_symbol,
            name=self.coin_name,
            decimals=18,
            policy=_policy(self.coin_per_dollar_minor, self.network_fee_max_minor),
            confirmation_tiers=self._tiers(self.coin_per_dollar_minor),
            is_trusted=True,
        )

    @cached_property
    def assets(self) -> tuple[AssetRow, ...]:
        """The coin, then the tokens that ship with the network."""
        return (self.coin, *(self._token(facts) for facts in TOKENS.get(self.chain, ())))

    def fee_asset_id(self, asset_id: str) -> str:  # noqa: ARG002 - every asset here is paid for in the same coin
        """The coin: gas is paid in nothing else."""
        return self.coin_asset_id

    def parse_destination(self, text: object, *, field: str = "destination") -> Destination:
        """Read an address. Raises InvalidAddress, UnsupportedAddress."""
        return parse_evm_address(text, field=field)

    def payment_uri(self, address: str, *, contract: str = "", amount_minor: int | None = None) -> str:
        """A request that wallets scan (ERC-681), which names the chain, for addresses do not."""
        if contract:
            amount = "" if amount_minor is None else f"&uint256={amount_minor}"
            return f"ethereum:{contract}@{self.chain_id}/transfer?address={address}{amount}"
        amount = "" if amount_minor is None else f"?value={amount_minor}"
        return f"ethereum:{address}@{self.chain_id}{amount}"

    def explorer_url(self, tx_hash: str) -> str | None:
        """Where anybody can look a transaction up; None on a private chain."""
        return None if self.explorer is None else f"{self.explorer}/tx/{tx_hash}"

    def _token(self, facts: TokenFacts) -> AssetRow:
        unit = 10**facts.decimals
        return AssetRow(
            asset_id=f"{facts.symbol}.{self.chain}",
            chain=self.chain,
            symbol=facts.symbol,
            name=facts.name,
            decimals=facts.decimals,
            policy=_policy(unit, self.network_fee_max_minor),
            confirmation_tiers=self._tiers(unit),
            contracts=facts.contracts,
            is_trusted=True,
        )

    def _tiers(self, unit: int) -> tuple[ConfirmationTier, ...]:
        """Where the chain tells what is final, that decides; else an amount waits for as many blocks as it is worth."""
        if self.finality_tag is not None:
            return (ConfirmationTier(None, 1),)
        return (ConfirmationTier(1_000 * unit, 1), ConfirmationTier(None, 3))


def _policy(dollar_minor: int, network_fee_max_minor: int) -> DefaultPolicy:
    """Limits of a fresh installation, from what is about one dollar."""
    return DefaultPolicy(
        deposit_min_minor=dollar_minor,
        withdrawal_min_minor=5 * dollar_minor,
        withdrawal_fee_minor=dollar_minor,
        auto_approve_max_minor=500 * dollar_minor,
        user_daily_max_minor=20_000 * dollar_minor,
        system_daily_max_minor=200_000 * dollar_minor,
        two_approvers_from_minor=10_000 * dollar_minor,
        network_fee_max_minor=network_fee_max_minor,
    )


_ROWS: Final = (
    EvmNetwork(
        chain="ethereum", name="Ethereum", chain_id=1, coin_asset_id="ETH", coin_symbol="ETH", coin_name="Ether",
        block_interval=timedelta(seconds=12), coin_per_dollar_minor=WEI // 2_500, network_fee_max_minor=WEI // 100,
        priority_fee_min_minor=GWEI // 100, explorer="https://etherscan.io",
    ),
    EvmNetwork(
        chain="bsc", name="BNB Smart Chain", chain_id=56, coin_asset_id="BNB", coin_symbol="BNB", coin_name="BNB",
        block_interval=timedelta(seconds=1), coin_per_dollar_minor=WEI // 800, network_fee_max_minor=WEI // 200,
        priority_fee_min_minor=GWEI // 20, explorer="https://bscscan.com",
    ),
    EvmNetwork(
        chain="polygon", name="Polygon PoS", chain_id=137, coin_asset_id="POL", coin_symbol="POL", coin_name="POL",
        block_interval=timedelta(seconds=2), coin_per_dollar_minor=4 * WEI, network_fee_max_minor=2 * WEI,
        priority_fee_min_minor=25 * GWEI, explorer="https://polygonscan.com",
    ),
    EvmNetwork(
        chain="gnosis", name="Gnosis", chain_id=100, coin_asset_id="xDAI", coin_symbol="xDAI", coin_name="xDAI",
        block_interval=timedelta(seconds=5), coin_per_dollar_minor=WEI, network_fee_max_minor=WEI // 10,
        priority_fee_min_minor=GWEI // 100, explorer="https://gnosisscan.io",
    ),
    EvmNetwork(
        chain="base", name="Base", chain_id=8453, coin_asset_id="ETH.base", coin_symbol="ETH",
        coin_name="Ether on Base", block_interval=timedelta(seconds=2), coin_per_dollar_minor=WEI // 2_500,
        network_fee_max_minor=WEI // 500,
        priority_fee_min_minor=GWEI // 1_000, explorer="https://basescan.org", has_data_fee=True,
    ),
    EvmNetwork(
        chain="anvil", name="Anvil (private test chain)", chain_id=31337, coin_asset_id="tETH", coin_symbol="tETH",
        coin_name="Test ether", block_interval=timedelta(seconds=12), coin_per_dollar_minor=WEI // 2_500,
        network_fee_max_minor=WEI // 100, priority_fee_min_minor=GWEI // 100, explorer=None, finality_tag=None,
        is_test=True, is_private=True,
    ),
)  # fmt: skip

EVM_NETWORKS: Final[Mapping[str, EvmNetwork]] = MappingProxyType({row.chain: row for row in _ROWS})
"""Every network of the family by its chain id here."""

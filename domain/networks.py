"""The Bitcoin family as data: one row per network, so that no code branches on a coin's name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from domain.money import format_amount
from domain.rail_rows import NO_NETWORKS, AssetRow, ConfirmationTier, DefaultPolicy, Destination, HashSpelling
from domain.tx_hashes import BARE_HEX

COIN: Final = 100_000_000
"""Smallest units in one coin, on every network of the family."""


@dataclass(frozen=True, slots=True)
class Network:
    """One chain of the family and what its addresses, node and defaults look like (a `RailRow`).

    `p2sh_prefixes` lists every accepted version byte, the one to write first. `refused_hrps` pairs a bech32 prefix
    that belongs to the coin but cannot be paid or watched with the reason. `fallback_fee_rate_minor_per_kvb` serves
    where the node cannot estimate; None means "refuse instead" and is right wherever fees are real.
    """

    chain: str
    asset_id: str
    symbol: str
    name: str
    node_chain: str
    """What `getblockchaininfo` calls the chain."""
    genesis_hash: str
    hrp: str
    p2pkh_prefix: int
    p2sh_prefixes: tuple[int, ...]
    message_magic: str
    uri_scheme: str
    rpc_port: int
    dust_limit_minor: int
    block_interval: timedelta
    confirmation_tiers: tuple[ConfirmationTier, ...]
    policy: DefaultPolicy
    fee_rate_min_minor_per_kvb: int
    fee_rate_max_minor_per_kvb: int
    fallback_fee_rate_minor_per_kvb: int | None
    fee_target_blocks: int = 6
    decimals: int = 8
    is_test: bool = False
    refused_hrps: tuple[tuple[str, str], ...] = ()
    explorer: str | None = None
    """Where people look transactions up, up to the transaction's id."""
    family: str = "bitcoin"
    has_accounts: bool = False
    networks: Mapping[str, str] = field(default_factory=lambda: NO_NETWORKS, hash=False)
    takes_deposits: bool = True
    payments_per_transaction: int = 50
    hashes: HashSpelling | None = BARE_HEX
    tells_senders: bool = True
    folds_case: bool = False

    @property
    def coin(self) -> AssetRow:
        """The one asset of such a chain."""
        return AssetRow(
            asset_id=self.asset_id,
            chain=self.chain,
            symbol=self.symbol,
            name=self.name,
            decimals=self.decimals,
            policy=self.policy,
            confirmation_tiers=self.confirmation_tiers,
        )

    @property
    def assets(self) -> tuple[AssetRow, ...]:
        """The coin alone."""
        return (self.coin,)

    @property
    def is_private(self) -> bool:
        """Whether blocks come only when somebody here makes one."""
        return self.node_chain == "regtest"

    def fee_asset_id(self, asset_id: str) -> str:  # noqa: ARG002 - other families carry several assets
        """The coin."""
        return self.asset_id

    def parse_destination(self, text: object, *, field: str = "destination") -> Destination:
        """Read an address of this network. Raises InvalidAddress, WrongNetwork, UnsupportedAddress."""
        # Late import: domain/addresses.py imports this module, to say which network a foreign address belongs to.
        from domain.addresses import parse_address

        address = parse_address(text, self, field=field)
        return Destination(address.text, address.script)

    def payment_uri(self, address: str, *, contract: str = "", amount_minor: int | None = None) -> str:  # noqa: ARG002 - there are no contracts
        """A BIP-21 address, with the amount in whole coins if there is one."""
        asked = "" if amount_minor is None else f"?amount={format_amount(amount_minor, self.decimals)}"
        return f"{self.uri_scheme}:{address}{asked}"

    def explorer_url(self, tx_hash: str) -> str | None:
        """Where anybody can look a transaction up; None on a test network nobody shows."""
        return None if self.explorer is None else f"{self.explorer}{tx_hash}"


_BITCOIN_TIERS: Final = (
    ConfirmationTier(COIN // 1000, 1),
    ConfirmationTier(COIN // 10, 3),
    ConfirmationTier(None, 6),
)
_LITECOIN_TIERS: Final = (
    ConfirmationTier(COIN, 1),
    ConfirmationTier(100 * COIN, 3),
    ConfirmationTier(None, 6),
)
_BITCOIN_POLICY: Final = DefaultPolicy(
    deposit_min_minor=10_000,
    withdrawal_min_minor=20_000,
    withdrawal_fee_minor=10_000,
    auto_approve_max_minor=COIN // 100,
    user_daily_max_minor=COIN,
    system_daily_max_minor=10 * COIN,
    two_approvers_from_minor=COIN // 2,
    network_fee_max_minor=COIN // 200,
)
_LITECOIN_POLICY: Final = DefaultPolicy(
    deposit_min_minor=COIN // 1000,
    withdrawal_min_minor=COIN // 500,
    withdrawal_fee_minor=COIN // 1000,
    auto_approve_max_minor=5 * COIN,
    user_daily_max_minor=500 * COIN,
    system_daily_max_minor=5_000 * COIN,
    two_approvers_from_minor=250 * COIN,
    network_fee_max_minor=COIN // 4,
)
_EXPLORERS: Final = {
    "bitcoin": "https://mempool.space/tx/",
    "bitcoin-testnet4": "https://mempool.space/testnet4/tx/",
    "bitcoin-signet": "https://mempool.space/signet/tx/",
    "litecoin": "https://litecoinspace.org/tx/",
    "litecoin-testnet": "https://litecoinspace.org/testnet/tx/",
}
_MWEB: Final = "MWEB addresses are private to Litecoin's extension block and cannot be paid or watched here"


def _bitcoin(  # noqa: PLR0917 - one row of a table, written as a row
    chain: str, asset_id: str, name: str, node_chain: str, hrp: str, rpc_port: int, genesis_hash: str
) -> Network:
    is_test = chain != "bitcoin"
    return Network(
        chain=chain,
        asset_id=asset_id,
        symbol=asset_id,
        name=name,
        node_chain=node_chain,
        genesis_hash=genesis_hash,
        hrp=hrp,
        p2pkh_prefix=0x6F if is_test else 0x00,
        p2sh_prefixes=(0xC4,) if is_test else (0x05,),
        message_magic="Bitcoin Signed Message:\n",
        uri_scheme="bitcoin",
        rpc_port=rpc_port,
        dust_limit_minor=546,
        block_interval=timedelta(minutes=10),
        confirmation_tiers=_BITCOIN_TIERS,
        policy=_BITCOIN_POLICY,
        fee_rate_min_minor_per_kvb=1_000,
        fee_rate_max_minor_per_kvb=1_000_000,
        fallback_fee_rate_minor_per_kvb=2_000 if is_test else None,
        is_test=is_test,
        explorer=_EXPLORERS.get(chain),
    )


def _litecoin(  # noqa: PLR0917 - one row of a table, written as a row
    chain: str, asset_id: str, name: str, node_chain: str, hrp: str, rpc_port: int, genesis_hash: str
) -> Network:
    is_test = chain != "litecoin"
    return Network(
        chain=chain,
        asset_id=asset_id,
        symbol=asset_id,
        name=name,
        node_chain=node_chain,
        genesis_hash=genesis_hash,
        hrp=hrp,
        p2pkh_prefix=0x6F if is_test else 0x30,
        p2sh_prefixes=(0x3A, 0xC4) if is_test else (0x32, 0x05),
        message_magic="Litecoin Signed Message:\n",
        uri_scheme="litecoin",
        rpc_port=rpc_port,
        dust_limit_minor=5_460,
        block_interval=timedelta(seconds=150),
        confirmation_tiers=_LITECOIN_TIERS,
        policy=_LITECOIN_POLICY,
        fee_rate_min_minor_per_kvb=10_000,
        fee_rate_max_minor_per_kvb=10_000_000,
        fallback_fee_rate_minor_per_kvb=20_000 if is_test else None,
        is_test=is_test,
        refused_hrps=(("ltcmweb", _MWEB), ("tmweb", _MWEB)),
        explorer=_EXPLORERS.get(chain),
    )


_ROWS: Final = (
    _bitcoin(
        "bitcoin", "BTC", "Bitcoin", "main", "bc", 8332,
        "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    ),
    _bitcoin(
        "bitcoin-testnet4", "tBTC", "Bitcoin (test network 4)", "testnet4", "tb", 48332,
        "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043",
    ),
    _bitcoin(
        "bitcoin-signet", "sBTC", "Bitcoin (signet)", "signet", "tb", 38332,
        "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6",
    ),
    _bitcoin(
        "bitcoin-regtest", "rBTC", "Bitcoin (private regtest)", "regtest", "bcrt", 18443,
        "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
    ),
    _litecoin(
        "litecoin", "LTC", "Litecoin", "main", "ltc", 9332,
        "12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2",
    ),
    _litecoin(
        "litecoin-testnet", "tLTC", "Litecoin (test network)", "test", "tltc", 19332,
        "4966625a4b2851d9fdee139e56211a0d88575f59ed816ff5e6a63deb4e3e29a0",
    ),
    _litecoin(
        "litecoin-regtest", "rLTC", "Litecoin (private regtest)", "regtest", "rltc", 19443,
        "530827f38f93b43ed12af0b3ad25a288dc02ed74d6d7857862df51fc56c416f9",
    ),
)  # fmt: skip

NETWORKS: Final[Mapping[str, Network]] = MappingProxyType({row.chain: row for row in _ROWS})
"""Every network by its chain id."""

"""Custodians and providers of payouts as data: one row per rail, with its assets and how destinations are spelled."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from domain.addresses import InvalidAddress, UnsupportedAddress
from domain.errors import StrongroomError
from domain.evm.addresses import parse_evm_address
from domain.rail_rows import NO_NETWORKS, AssetRow, ConfirmationTier, DefaultPolicy, Destination, HashSpelling, RailRow
from domain.solana import parse_solana_address

_AT_ONCE: Final = (ConfirmationTier(None, 1),)
"""A provider's word is final or it is not: there is nothing to count."""

_ACCOUNT: Final = re.compile(r"[0-9A-Za-z]{5,34}", re.ASCII)
_MSISDN: Final = re.compile(r"[0-9]{9,15}", re.ASCII)
_CODE: Final = re.compile(r"[0-9A-Z]{2,12}", re.ASCII)


class ProviderRow(RailRow, Protocol):
    """One provider. Which adapter serves it, its `family` says."""

    @property
    def api_url(self) -> str:
        """Where it answers, unless the settings name another place."""
        ...


def _evm(text: str, field: str) -> str:
    return parse_evm_address(text, field=field).text


def _solana(text: str, field: str) -> str:
    return parse_solana_address(text, field=field).text


class CustodianNetwork(NamedTuple):
    """One chain that a custodian's money moves on: what people call it, and what reads an address there."""

    name: str
    parse: Callable[[str, str], str]


CIRCLE_NETWORKS: Final[Mapping[str, CustodianNetwork]] = MappingProxyType(
    {
        "ETH": CustodianNetwork("Ethereum", _evm),
        "POLY": CustodianNetwork("Polygon", _evm),
        "AVAX": CustodianNetwork("Avalanche", _evm),
        "BASE": CustodianNetwork("Base", _evm),
        "ARB": CustodianNetwork("Arbitrum", _evm),
        "OP": CustodianNetwork("Optimism", _evm),
        "SOL": CustodianNetwork("Solana", _solana),
    }
)
"""Where USDC moves, by Circle's chain code.

developers.circle.com/circle-mint/references/supported-chains-and-currencies
"""
_CIRCLE_ALSO_SAYS: Final[Mapping[str, str]] = MappingProxyType({"MATIC": "POLY", "POLYGON": "POLY"})


class Currency(NamedTuple):
    """Something that a provider pays out, and about one dollar of it in the smallest unit, for first limits only.

    `banks_want_names`: whether its banks take nothing for somebody who is not named; mobile networks never do.
    """

    code: str
    name: str
    dollar_minor: int
    decimals: int = 2
    banks_want_names: bool = False


@dataclass(frozen=True)
class Custodian:
    """A custodian that keeps one token worth a dollar for us on several chains (a `ProviderRow`).

    `contract` is what its interface calls the token; `places` are its chains by its codes for them, and `also_called`
    leads from other codes to those.
    """

    chain: str
    name: str
    api_url: str
    asset_id: str
    asset_name: str
    is_test: bool = False
    family: str = "circle"
    symbol: str = "USDC"
    decimals: int = 6
    contract: str = "USD"
    places: Mapping[str, CustodianNetwork] = field(default_factory=lambda: CIRCLE_NETWORKS, hash=False)
    also_called: Mapping[str, str] = field(default_factory=lambda: _CIRCLE_ALSO_SAYS, hash=False)
    takes_deposits: bool = True
    block_interval: timedelta = timedelta(minutes=1)
    is_private: bool = False
    has_accounts: bool = False
    payments_per_transaction: int = 1
    dust_limit_minor: int = 0
    hashes: HashSpelling | None = None
    tells_senders: bool = False
    folds_case: bool = False

    @cached_property
    def coin(self) -> AssetRow:
        """The token."""
        return AssetRow(
            asset_id=self.asset_id,
            chain=self.chain,
            symbol=self.symbol,
            name=self.asset_name,
            decimals=self.decimals,
            policy=_policy(10**self.decimals),
            confirmation_tiers=_AT_ONCE,
            contracts=(self.contract,),
            is_trusted=True,
        )

    @property
    def networks(self) -> Mapping[str, str]:
        """The chains that it moves on."""
        return {code: place.name for code, place in self.places.items()}

    @property
    def assets(self) -> tuple[AssetRow, ...]:
        """The token alone."""
        return (self.coin,)

    def fee_asset_id(self, asset_id: str) -> str:
        """The same: fees are taken from the balance."""
        return asset_id

    def parse_destination(self, text: object, *, field: str = "destination") -> Destination:
        """Read an address and the chain it is on, as in `SOL:9WzD…`. Raises InvalidAddress, UnsupportedAddress."""
        if not isinstance(text, str):
            raise _refusal(InvalidAddress, field, "must be a string")
        said, colon, address = text.strip().partition(":")
        network = self.also_called.get(said.upper(), said.upper())
        if not colon or network not in self.places:
            raise _refusal(
                UnsupportedAddress, field, f"must name its chain first, one of {', '.join(self.networks)}, then a colon"
            )
        spelled = self.places[network].parse(address, field)
        canonical = f"{network}:{spelled}"
        return Destination(canonical, canonical.encode())

    def payment_uri(self, address: str, *, contract: str = "", amount_minor: int | None = None) -> str:  # noqa: ARG002 - no scheme is common to these chains
        """The bare address, which wallets of its chain read."""
        return address.partition(":")[2] or address

    def explorer_url(self, tx_hash: str) -> str | None:  # noqa: ARG002 - what is known here is the custodian's own id
        """None: a transfer is known by the id that the custodian gave it."""
        return None


@dataclass(frozen=True)
class PayoutProvider:
    """A provider that pays bank and mobile-money accounts from a float of ours (a `ProviderRow`); nothing comes in."""

    chain: str
    name: str
    api_url: str
    currencies: tuple[Currency, ...]
    is_test: bool = False
    family: str = "flutterwave"
    networks: Mapping[str, str] = field(default_factory=lambda: NO_NETWORKS, hash=False)
    takes_deposits: bool = False
    block_interval: timedelta = timedelta(minutes=2)
    is_private: bool = False
    has_accounts: bool = False
    payments_per_transaction: int = 1
    dust_limit_minor: int = 0
    hashes: HashSpelling | None = None
    tells_senders: bool = False
    folds_case: bool = False

    @cached_property
    def assets(self) -> tuple[AssetRow, ...]:
        """Each currency as an asset of its own."""
        test, words = ("t", " (test money)") if self.is_test else ("", "")
        return tuple(
            AssetRow(
                asset_id=f"{test}{currency.code}.{self.chain}",
                chain=self.chain,
                symbol=f"{test}{currency.code}",
                name=f"{currency.name}{words}",
                decimals=currency.decimals,
                policy=_policy(currency.dollar_minor),
                confirmation_tiers=_AT_ONCE,
                contracts=(currency.code,),
                is_trusted=True,
            )
            for currency in self.currencies
        )

    @property
    def coin(self) -> AssetRow:
        """The first currency."""
        return self.assets[0]

    def fee_asset_id(self, asset_id: str) -> str:
        """The same: fees are taken in the currency that is sent."""
        return asset_id

    def parse_destination(self, text: object, *, field: str = "destination") -> Destination:
        """Read `bank:<bank code>:<account>` or `mobile:<network>:<number with country code>`. Raises InvalidAddress."""
        if not isinstance(text, str):
            raise _refusal(InvalidAddress, field, "must be a string")
        kind, _, rest = text.strip().partition(":")
        code, _, account = (part.strip() for part in rest.partition(":"))
        kind, code, account = kind.lower(), code.upper(), account.replace(" ", "").removeprefix("+")
        if kind not in {"bank", "mobile"}:
            raise _refusal(InvalidAddress, field, "must be bank:<bank code>:<account> or mobile:<network>:<number>")
        if not _CODE.fullmatch(code):
            raise _refusal(InvalidAddress, field, "has no code of a bank or network in its second place")
        if kind == "bank" and not _ACCOUNT.fullmatch(account):
            raise _refusal(InvalidAddress, field, "must end with an account: 5 to 34 digits and letters")
        if kind == "mobile" and not _MSISDN.fullmatch(account):
            raise _refusal(InvalidAddress, field, "must end with a number and its country code: 9 to 15 digits")
        canonical = f"{kind}:{code}:{account}"
        return Destination(canonical, canonical.encode())

    def needs_name(self, destination: str, asset_id: str) -> bool:
        """Whether nobody is paid there without their name (`domain.beneficiaries.NamedRail`).

        developer.flutterwave.com/docs/payout-outflow/mobile-money-transfer, and its guides for each country.
        """
        if destination.startswith("mobile:"):
            return True
        rows = zip(self.assets, self.currencies, strict=True)
        return any(currency.banks_want_names for row, currency in rows if row.asset_id == asset_id)

    def payment_uri(self, address: str, *, contract: str = "", amount_minor: int | None = None) -> str:  # noqa: ARG002 - nothing comes in
        """The account as it stands; nobody is asked to pay by this rail."""
        return address

    def explorer_url(self, tx_hash: str) -> str | None:  # noqa: ARG002
        """None: banks show nobody."""
        return None


def _refusal(kind: type[StrongroomError], field: str, reason: str) -> StrongroomError:
    return kind(f"{field}: {reason}", fields={field: [reason]})


def _policy(dollar_minor: int) -> DefaultPolicy:
    """Limits of a fresh installation, from what is about one dollar."""
    return DefaultPolicy(
        deposit_min_minor=dollar_minor,
        withdrawal_min_minor=5 * dollar_minor,
        withdrawal_fee_minor=dollar_minor,
        auto_approve_max_minor=500 * dollar_minor,
        user_daily_max_minor=20_000 * dollar_minor,
        system_daily_max_minor=200_000 * dollar_minor,
        two_approvers_from_minor=10_000 * dollar_minor,
        network_fee_max_minor=20 * dollar_minor,
    )


_AFRICAN: Final = (
    Currency("NGN", "Nigerian naira", 150_000),
    Currency("KES", "Kenyan shilling", 13_000, banks_want_names=True),
    Currency("GHS", "Ghanaian cedi", 1_500, banks_want_names=True),
)
_ROWS: Final = (
    Custodian("circle", "Circle", "https://api.circle.com", "USDC.circle", "USD Coin at Circle"),
    Custodian(
        "circle-sandbox", "Circle (sandbox)", "https://api-sandbox.circle.com", "tUSDC.circle-sandbox",
        "USD Coin at Circle (test money)", is_test=True,
    ),
    PayoutProvider("flutterwave", "Flutterwave", "https://api.flutterwave.com", _AFRICAN),
    PayoutProvider(
        "flutterwave-test", "Flutterwave (test mode)", "https://api.flutterwave.com", _AFRICAN, is_test=True
    ),
)  # fmt: skip

_BY_NAME: Final[dict[str, ProviderRow]] = {row.chain: row for row in _ROWS}
PROVIDERS: Final[Mapping[str, ProviderRow]] = MappingProxyType(_BY_NAME)
"""Every custodian and provider by its id."""

"""The tokens that ship with each network, by their contracts in lower case.

Each was compared with several public lists in November 2026, Circle's own among them, and is spelled here with the
checksum that a test repeats. A token with a familiar symbol at any other contract is not money.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class TokenFacts(NamedTuple):
    """One token on one network; `contracts` names the canonical one first, then older generations of it."""

    symbol: str
    name: str
    decimals: int
    contracts: tuple[str, ...]


def _token(symbol: str, name: str, decimals: int, *contracts: str) -> TokenFacts:
    return TokenFacts(symbol, name, decimals, tuple(contract.lower() for contract in contracts))


TOKENS: Final[Mapping[str, tuple[TokenFacts, ...]]] = MappingProxyType(
    {
        "ethereum": (
            _token("USDT", "Tether USD", 6, "0xdAC17F958D2ee523a2206206994597C13D831ec7"),
            _token("USDC", "USD Coin", 6, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"),
        ),
        # Both are Binance's bridged versions, with eighteen decimals; explorers have called the first USDT, BSC-USD
        # and USD at different times, which is why only the contract counts.
        "bsc": (
            _token("USDT", "Tether USD (Binance-Peg)", 18, "0x55d398326f99059fF775485246999027B3197955"),
            _token("USDC", "USD Coin (Binance-Peg)", 18, "0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d"),
        ),
        # Circle's own USDC, not the bridged USDC.e at 0x2791…4174.
        "polygon": (
            _token("USDT", "Tether USD", 6, "0xc2132D05D31c914a87C6611C10748AEb04B58e8F"),
            _token("USDC", "USD Coin", 6, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"),
        ),
        # Monerium's second generation shares its balances with the first, and a transfer through the first shows an
        # event on each. USDC is the one of the xDai bridge, not USDC.e at 0x2a22…76F0.
        "gnosis": (
            _token(
                "EURe",
                "Monerium EUR emoney",
                18,
                "0x420CA0f9B9b604cE0fd9C18EF134C705e5Fa3430",
                "0xcB444e90D8198415266c6a2724b7900fb12FC56E",
            ),
            _token("USDC", "USD Coin (xDai bridge)", 6, "0xDDAfbb505ad214D7b80b1f830fcCc89B60fb7A83"),
            _token("USDT", "Tether USD (xDai bridge)", 6, "0x4ECaBa5870353805a9F068101A40E0f32ed605C6"),
        ),
        "base": (
            _token("USDC", "USD Coin", 6, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"),
            _token("USDT", "Tether USD (bridged)", 6, "0xfde4C96c8593536E31F229EA8f37b2ADa2699bb2"),
        ),
    }
)
"""Tokens by network; one that is not here is added to the registry by an operator."""

"""The configured chains, as adapters; none of them connects before it is used."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote, urlsplit

from adapters.bitcoin.chain import BitcoinChain
from adapters.bitcoin.endpoint import NodeEndpoint
from domain.evm.networks import EVM_NETWORKS
from domain.networks import NETWORKS
from domain.ports import Chain
from domain.rails import RAILS
from wiring.chain_settings import ChainSettings

RPC_TIMEOUT_S: Final = 30.0


def build_chains(rails: tuple[ChainSettings, ...]) -> Mapping[str, Chain]:
    """One adapter for each configured rail, by the name of its network."""
    return MappingProxyType({rail.chain: _BUILDERS[RAILS[rail.chain].family](rail) for rail in rails})


def endpoint(rail: ChainSettings) -> NodeEndpoint:
    """The address and credentials of this rail's node, taken from its URL."""
    parts = urlsplit(rail.rpc_url.reveal())
    return NodeEndpoint(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or NETWORKS[rail.chain].rpc_port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        cookie_file=rail.cookie_file,
        wallet=rail.wallet,
        timeout_s=RPC_TIMEOUT_S,
    )


def _bitcoin(rail: ChainSettings) -> Chain:
    return BitcoinChain(endpoint(rail), NETWORKS[rail.chain])


def _evm(rail: ChainSettings) -> Chain:
    # Late import: a house without such a chain does not load what only its adapter needs.
    from adapters.evm.chain import EvmChain
    from adapters.evm.endpoint import EvmEndpoint

    reached = EvmEndpoint(
        urls=tuple(url.reveal() for url in (rail.rpc_url, *rail.more_rpc_urls)),
        keystore=rail.keystore,
        keystore_password=rail.keystore_password.reveal() if rail.keystore_password else "",
        deposit_xpub=rail.xpub or "",
        sweep_keystore=rail.sweep_keystore,
        sweep_password=rail.sweep_keystore_password.reveal() if rail.sweep_keystore_password else "",
    )
    return EvmChain(reached, EVM_NETWORKS[rail.chain])


_BUILDERS: Final[Mapping[str, Callable[[ChainSettings], Chain]]] = {"bitcoin": _bitcoin, "evm": _evm}

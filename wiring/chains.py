"""The configured rails, each as the chain that its settings describe."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from adapters.bitcoin.chain import BitcoinChain
from adapters.bitcoin.endpoint import NodeEndpoint
from domain.networks import NETWORKS
from domain.ports import Chain
from wiring.settings import ChainSettings, Settings


def configured_chains(settings: Settings) -> Mapping[str, Chain]:
    """Every rail by its chain id. Nothing connects until it is used."""
    return MappingProxyType({rail.chain: _chain(rail) for rail in settings.chains})


def _chain(rail: ChainSettings) -> Chain:
    network = NETWORKS[rail.chain]
    parts = urlsplit(rail.rpc_url.reveal())
    endpoint = NodeEndpoint(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or network.rpc_port,
        wallet=rail.wallet,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
    return BitcoinChain(endpoint, network)

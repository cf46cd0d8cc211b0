"""The chains that the settings name, as adapters; none of them connects before it is asked something."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote, urlsplit

from adapters.bitcoin.chain import BitcoinChain
from adapters.bitcoin.endpoint import NodeEndpoint
from domain.networks import NETWORKS
from domain.ports import Chain
from wiring.settings import ChainSettings

RPC_TIMEOUT_S: Final = 30.0


def build_chains(rails: tuple[ChainSettings, ...]) -> Mapping[str, Chain]:
    """One adapter for each configured rail, by the name of its network."""
    return MappingProxyType({rail.chain: BitcoinChain(endpoint(rail), NETWORKS[rail.chain]) for rail in rails})


def endpoint(rail: ChainSettings) -> NodeEndpoint:
    """Where this rail's node listens, and with which credentials, taken apart from its address."""
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

"""One rail of the EVM family: its nodes to read, its hot wallet, and its deposit addresses."""

from adapters.evm.client import EvmClient
from adapters.evm.endpoint import EvmEndpoint
from adapters.evm.senders import EvmSenders
from adapters.evm.source import EvmSource
from adapters.evm.sweeping import EvmSweeper
from domain.evm.networks import EvmNetwork
from domain.ports import ChainWaker


class EvmChain(EvmSource, EvmSweeper, EvmSenders):
    """Implements `domain.ports.Chain`. Connects, and opens keys, when first asked something, not before."""

    def __init__(self, endpoint: EvmEndpoint, network: EvmNetwork) -> None:
        client = EvmClient(endpoint, network)
        EvmSource.__init__(self, client)
        EvmSweeper.__init__(self, client)
        EvmSenders.__init__(self, client)

    def __repr__(self) -> str:
        return f"EvmChain({self._client!r})"

    def news(self) -> ChainWaker | None:
        """None: blocks come every few seconds, and polling sees them."""
        return None

    def close(self) -> None:
        """Hang up."""
        self._client.close()

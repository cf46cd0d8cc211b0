"""One rail of the EVM family: its nodes, its hot wallet, and its deposit addresses."""

from collections.abc import Collection, Mapping

from adapters.evm import history
from adapters.evm.client import EvmClient
from adapters.evm.endpoint import EvmEndpoint
from adapters.evm.senders import EvmSenders
from adapters.evm.source import EvmSource
from adapters.evm.sweeping import EvmSweeper
from domain.evm.networks import EvmNetwork
from domain.ports import ChainWaker
from domain.wallet_facts import SentTransaction


class EvmChain(EvmSource, EvmSweeper, EvmSenders):
    """Implements `domain.ports.Chain`. Connects, and opens keys, at the first call that needs it."""

    def __init__(self, endpoint: EvmEndpoint, network: EvmNetwork) -> None:
        client = EvmClient(endpoint, network)
        EvmSource.__init__(self, client)
        EvmSweeper.__init__(self, client)
        EvmSenders.__init__(self, client)

    def __repr__(self) -> str:
        return f"EvmChain({self._client!r})"

    def news(self) -> ChainWaker | None:
        """None: blocks come every few seconds, so polling is enough."""
        return None

    def sent_since(
        self, height: int, nonces: Collection[int], *, contracts: Mapping[str, str]
    ) -> list[SentTransaction]:
        """What the hot wallet's account sent with these nonces in blocks above this height."""
        return history.sent_since(self, self._client, height, account=self.account, nonces=nonces, contracts=contracts)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

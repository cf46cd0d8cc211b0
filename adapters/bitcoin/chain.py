"""One rail of the Bitcoin family: a node to read and the wallet inside it."""

from adapters.bitcoin.client import NodeClient
from adapters.bitcoin.descriptors import BitcoinDescriptors
from adapters.bitcoin.endpoint import NodeEndpoint
from adapters.bitcoin.senders import BitcoinSenders
from adapters.bitcoin.source import BitcoinSource
from adapters.bitcoin.wallet import BitcoinWallet
from adapters.bitcoin.zmq_news import NodeNews, node_news
from domain.networks import Network


class BitcoinChain(BitcoinSource, BitcoinWallet, BitcoinDescriptors, BitcoinSenders):
    """Implements `domain.ports.Chain` over one node. Connects at the first call."""

    def __init__(self, endpoint: NodeEndpoint, network: Network) -> None:
        super().__init__(NodeClient(endpoint, network))

    def __repr__(self) -> str:
        return f"BitcoinChain({self._client!r})"

    def news(self) -> NodeNews | None:
        """The node's announcements, for one thread to wait for; None when it makes none."""
        return node_news(self._client)

    def close(self) -> None:
        """Hang up this thread's connections."""
        self._client.close()

"""A node's announcements over ZeroMQ, where it makes any, so that news is read before the next poll."""

from typing import Final
from urllib.parse import urlsplit

import zmq

from adapters.bitcoin.client import NodeClient
from adapters.bitcoin.refusals import METHOD_NOT_FOUND
from domain.node_refusals import NodeError

_TOPICS_BY_USE: Final = (("pubsequence", b"sequence"), ("pubhashblock", b"hashblock"), ("pubhashtx", b"hashtx"))
"""`sequence` announces blocks and mempool alike; the other two together announce the same."""
_EVERY_INTERFACE: Final = frozenset({"0.0.0.0", "[::]", "*"})  # noqa: S104 - recognised, not bound


class NodeNews:
    """A subscription to a node's announcements (implements `domain.ports.ChainWaker`). One thread may use it."""

    def __init__(self, subscriptions: dict[str, list[bytes]]) -> None:
        """Subscribe to these topics at these addresses. ZeroMQ reconnects by itself."""
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, 1000)
        for address, topics in subscriptions.items():
            self._socket.connect(address)
            for topic in topics:
                self._socket.setsockopt(zmq.SUBSCRIBE, topic)

    def wait(self, timeout_s: float) -> bool:
        """True as soon as the node announced something; everything that has piled up counts as one."""
        if not self._socket.poll(int(timeout_s * 1000)):
            return False
        while self._socket.poll(0):
            self._socket.recv_multipart()
        return True

    def close(self) -> None:
        """Unsubscribe and close the socket."""
        self._socket.close()
        self._context.term()


def node_news(client: NodeClient) -> NodeNews | None:
    """A subscription to everything that the node announces; None when it announces nothing. Raises ChainError."""
    try:
        offered = client.read("getzmqnotifications")
    except NodeError as refusal:
        if refusal.rpc_code == METHOD_NOT_FOUND:
            return None
        raise
    subscriptions = subscriptions_for({entry["type"]: entry["address"] for entry in offered}, client.endpoint.host)
    return NodeNews(subscriptions) if subscriptions else None


def subscriptions_for(offered: dict[str, str], node_host: str) -> dict[str, list[bytes]]:
    """Which topics to subscribe to at which address, given the node's announcements as {type: address}."""
    topics = [(offered[kind], topic) for kind, topic in _TOPICS_BY_USE if kind in offered]
    if "pubsequence" in offered:
        topics = topics[:1]
    subscriptions: dict[str, list[bytes]] = {}
    for address, topic in topics:
        subscriptions.setdefault(_reachable(address, node_host), []).append(topic)
    return subscriptions


def _reachable(address: str, node_host: str) -> str:
    """The address to connect to: a node that listens on every interface announces 0.0.0.0, which nobody can."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition(":")[0]
    return f"{parts.scheme}://{node_host}:{parts.port}" if host in _EVERY_INTERFACE else address

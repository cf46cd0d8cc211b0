"""Calls to one node: reads are retried, orders are sent once, and a node of another chain is refused."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from adapters.bitcoin.endpoint import NodeEndpoint
from adapters.bitcoin.transport import Connection
from domain.networks import Network
from domain.node_refusals import ChainError, ChainUncertain, NodeBusy, NodeRefused, NodeTimeout, NodeWrongChain

RETRY_DELAYS_S: Final = (0.1, 0.4)
IDLE_MAX_S: Final = 3.0
"""Nodes close idle connections (after 30 s by default); one idle for longer than this is not reused."""


Answer = TypeVar("Answer")


class NodeClient:
    """A node's RPC, safe to share between threads, greenlets and forked processes: each has its own connection."""

    def __init__(self, endpoint: NodeEndpoint, network: Network) -> None:
        self.endpoint = endpoint
        self.network = network
        self._kept = threading.local()

    def __repr__(self) -> str:
        return f"NodeClient({self.endpoint.host}:{self.endpoint.port}, {self.network.chain})"

    def read(self, method: str, *params: Any, wallet: bool = False) -> Any:
        """Ask something that changes nothing. Raises ChainError after brief retries."""
        return self._with_retries(self._path(wallet), lambda connection: connection.call(method, *params))

    def read_batch(self, calls: Sequence[Sequence[Any]], *, wallet: bool = False) -> list[Any | ChainError]:
        """Make many such calls in one round trip; a refused one is a ChainError in its place."""
        if not calls:
            return []
        return self._with_retries(self._path(wallet), lambda connection: connection.batch(calls))

    def read_sized_batch(self, calls: Sequence[Sequence[Any]]) -> tuple[list[Any], int]:
        """As `read_batch`, without a wallet; returns the answers and their size in bytes. Raises the first refusal."""
        return self._with_retries("/", lambda connection: (demanded(connection.batch(calls)), connection.bytes_read))

    def order(self, method: str, *params: Any, wallet: bool = False) -> Any:
        """Make a call that acts, once, on a fresh connection: if that breaks (ChainUncertain), it may have acted."""
        connection = self._open(self._path(wallet))
        try:
            return connection.call(method, *params)
        finally:
            connection.close()

    def order_batch(self, calls: Sequence[Sequence[Any]], *, wallet: bool = False) -> list[Any | ChainError]:
        """Make many calls that act, each once, in one round trip; a refused one is a ChainError in its place."""
        if not calls:
            return []
        connection = self._open(self._path(wallet))
        try:
            return connection.batch(calls)
        finally:
            connection.close()

    def close(self) -> None:
        """Hang up this thread's connections."""
        for connection, _ in self._connections().values():
            connection.close()
        self._connections().clear()

    def _path(self, wallet: bool) -> str:  # noqa: FBT001 - private
        return self.endpoint.wallet_path() if wallet else "/"

    def _with_retries(self, path: str, ask: Callable[[Connection], Answer]) -> Answer:
        for delay_s in RETRY_DELAYS_S:
            try:
                return self._once(path, ask)
            except NodeTimeout:
                raise  # the time allowed is used up
            except (NodeBusy, NodeRefused, ChainUncertain):
                time.sleep(delay_s)
        return self._once(path, ask)

    def _once(self, path: str, ask: Callable[[Connection], Answer]) -> Answer:
        kept = self._connections()
        connection, used_at = kept.pop(path, (None, 0.0))
        if connection is not None and time.monotonic() - used_at > IDLE_MAX_S:
            connection.close()
            connection = None
        if connection is None:
            connection = self._open(path)
        try:
            answer = ask(connection)
        except BaseException:
            connection.close()  # an answer still on the wire must not be read as the next call's
            raise
        kept[path] = connection, time.monotonic()
        return answer

    def _connections(self) -> dict[str, tuple[Connection, float]]:
        """This thread's open connections by path; a forked child never uses its parent's."""
        if getattr(self._kept, "process_id", None) != os.getpid():
            self._kept.process_id = os.getpid()
            self._kept.connections = {}
        connections: dict[str, tuple[Connection, float]] = self._kept.connections
        return connections

    def _open(self, path: str) -> Connection:
        """A new connection. Raises NodeWrongChain for a node of another chain."""
        connection = Connection(self.endpoint, path)
        try:
            genesis = connection.call("getblockhash", 0)
        except ChainError:
            connection.close()
            raise
        if genesis != self.network.genesis_hash:
            connection.close()
            raise NodeWrongChain(f"the node at {self.endpoint.host}:{self.endpoint.port} is not on {self.network.name}")
        return connection


def demanded(answers: Sequence[Any]) -> list[Any]:
    """The answers of a batch, none of which may be a refusal. Raises the first refusal."""
    for answer in answers:
        if isinstance(answer, ChainError):
            raise answer
    return list(answers)

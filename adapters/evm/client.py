"""Calls to the nodes of one chain: reads fail over and are retried, and a node of another chain is refused."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from adapters.evm.endpoint import EvmEndpoint
from adapters.evm.refusals import HistoryMissing
from adapters.evm.transport import Call, Transport
from domain.errors import ensure
from domain.evm.networks import EvmNetwork
from domain.node_refusals import (
    ChainError,
    ChainUncertain,
    NodeBusy,
    NodeLagging,
    NodeRefused,
    NodeTimeout,
    NodeUnauthorised,
    NodeWrongChain,
)

RETRY_DELAYS_S: Final = (0.1, 0.4)
BELIEVED_S: Final = 600.0
"""How long a node that named the right chain is not asked for it again."""

T = TypeVar("T")
# After these another node is tried: they are the node's fault, not the question's.
_ANOTHER_MAY: Final = (
    NodeRefused,
    NodeUnauthorised,
    NodeBusy,
    NodeWrongChain,
    NodeLagging,
    ChainUncertain,
    HistoryMissing,
)
# After these the same node is retried.
_LATER_MAY: Final = (NodeRefused, NodeBusy, NodeLagging, ChainUncertain)


class EvmClient:
    """The nodes of one chain as one: the first that answers. Safe to share between threads and forked processes."""

    def __init__(self, endpoint: EvmEndpoint, network: EvmNetwork) -> None:
        ensure(len(endpoint.urls) > 0, "a chain has at least one node")
        self.endpoint = endpoint
        self.network = network
        self._transport = Transport(endpoint)
        self._preferred = 0
        self._believed: dict[tuple[int, str], float] = {}

    def __repr__(self) -> str:
        return f"EvmClient({self.network.chain}, {len(self.endpoint.urls)} nodes)"

    def read(self, method: str, *params: Any) -> Any:
        """Make a call that changes nothing. Raises ChainError after every node was tried, some of them again."""
        return self.read_as([Call(method, params)], lambda answers: demanded(answers)[0])

    def read_batch(self, calls: Sequence[Call]) -> list[Any]:
        """Ask many such things in few round trips. Raises the first refusal."""
        return self.read_as(calls, demanded)

    def read_as(self, calls: Sequence[Call], understand: Callable[[list[Any | ChainError]], T]) -> T:
        """Make the calls and interpret the answers; where `understand` raises a node's failure, the next node is tried.

        All answers come from the same node, so that they can be compared with each other.
        """
        for delay_s in (*RETRY_DELAYS_S, None):
            try:
                return self._of_any(lambda url: understand(self._ask(url, calls)))
            except NodeTimeout:
                raise  # the time allowed is used up
            except _LATER_MAY:
                if delay_s is None:
                    raise
                time.sleep(delay_s)
        raise AssertionError

    def order(self, method: str, *params: Any, tells: Callable[[ChainError], bool]) -> Any:
        """Make a call that acts and is safe to repeat, at the first node that answers.

        A node whose connection broke may have acted. After that, another node's refusal is raised only if `tells` says
        that it shows what became of the earlier attempt; otherwise ChainUncertain is raised.
        """
        doubt: ChainUncertain | None = None
        failed: ChainError | None = None
        for place in self._places():
            try:
                return demanded(self._ask(self.endpoint.urls[place], [Call(method, params)]))[0]
            except ChainUncertain as error:
                doubt = error
            except _ANOTHER_MAY as error:
                failed = error
            except ChainError as refusal:
                if doubt is not None and not tells(refusal):
                    raise doubt from refusal
                raise
        raise doubt or failed or AssertionError

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def _of_any(self, ask: Callable[[str], T]) -> T:
        """The answer of the first node that gives one, beginning with the one that answered last."""
        failed: ChainError | None = None
        for place in self._places():
            url = self.endpoint.urls[place]
            try:
                answer = ask(url)
            except _ANOTHER_MAY as error:
                failed = error
                self._believed.pop((os.getpid(), url), None)
                continue
            self._preferred = place
            return answer
        raise failed or AssertionError

    def _places(self) -> list[int]:
        count = len(self.endpoint.urls)
        return [(self._preferred + step) % count for step in range(count)]

    def _ask(self, url: str, calls: Sequence[Call]) -> list[Any | ChainError]:
        self._believe(url)
        answers: list[Any | ChainError] = []
        for first in range(0, len(calls), self.endpoint.calls_per_batch_max):
            answers += self._transport.exchange(url, calls[first : first + self.endpoint.calls_per_batch_max])
        return answers

    def _believe(self, url: str) -> None:
        """Check the node's chain id, unless that was done lately. Raises NodeWrongChain."""
        key = (os.getpid(), url)
        asked_at = self._believed.get(key)
        if asked_at is not None and time.monotonic() - asked_at < BELIEVED_S:
            return
        [answer] = demanded(self._transport.exchange(url, [Call("eth_chainId", ())]))
        if to_int(answer) != self.network.chain_id:
            raise NodeWrongChain(f"a node configured for {self.network.name} serves chain {to_int(answer)}")
        self._believed[key] = time.monotonic()


def demanded(answers: Sequence[Any]) -> list[Any]:
    """The answers of a batch, none of which may be a refusal. Raises the first refusal."""
    for answer in answers:
        if isinstance(answer, ChainError):
            raise answer
    return list(answers)


def to_int(quantity: Any) -> int:
    """A JSON-RPC quantity: hexadecimal after 0x. Raises ChainUncertain for anything else."""
    if isinstance(quantity, str) and quantity.startswith("0x"):
        try:
            return int(quantity, 16)
        except ValueError:
            pass
    raise ChainUncertain(f"the node's answer holds {str(quantity)[:40]!r} where a number belongs")

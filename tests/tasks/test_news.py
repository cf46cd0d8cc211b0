"""A node's announcement wakes the watcher; a node that makes none is left to polling."""

import threading
from typing import cast

from domain.networks import NETWORKS
from domain.node_refusals import NodeRefused
from domain.ports import Chain, ChainWaker
from tasks.news import listen
from tasks.publisher import CeleryPublisher


class Announcer:
    """A subscription that brings so many pieces of news, then tells the listener to stop."""

    def __init__(self, pieces: int, stopped: threading.Event) -> None:
        self._left = pieces
        self._stopped = stopped
        self.closed = False

    def wait(self, timeout_s: float) -> bool:  # noqa: ARG002 - the port names it
        self._left -= 1
        if self._left < 0:
            self._stopped.set()
        return self._left >= 0

    def close(self) -> None:
        self.closed = True


class Node:
    """A chain of which only the news matter."""

    rail = NETWORKS["bitcoin-regtest"]

    def __init__(self, answer: ChainWaker | NodeRefused | None) -> None:
        self._answer = answer

    def news(self) -> ChainWaker | None:
        if isinstance(self._answer, NodeRefused):
            raise self._answer
        return self._answer


class Woken:
    """Remembers whom it woke."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def wake(self, names: list[str]) -> None:
        self.names.extend(names)


def hear(answer: ChainWaker | NodeRefused | None, stopped: threading.Event) -> list[str]:
    woken = Woken()
    listen(cast("Chain", Node(answer)), cast("CeleryPublisher", woken), stopped)
    return woken.names


def test_each_piece_of_news_wakes_the_watcher_once() -> None:
    stopped = threading.Event()
    announcer = Announcer(3, stopped)
    assert hear(announcer, stopped) == ["chains.watch"] * 3
    assert announcer.closed


def test_a_node_that_announces_nothing_is_left_to_polling() -> None:
    assert hear(None, threading.Event()) == []


def test_a_node_that_cannot_be_asked_yet_ends_nothing() -> None:
    stopped = threading.Event()
    stopper = threading.Timer(0.2, stopped.set)
    stopper.start()
    assert hear(NodeRefused(), stopped) == []
    stopper.join()

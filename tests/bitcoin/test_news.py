"""A node's announcements wake the poller early, and a node without any is no trouble."""

import time

import pytest
import zmq

from adapters.bitcoin.zmq_news import NodeNews, subscriptions_for
from tests.bitcoin.node import RegtestNode


def test_a_node_that_announces_nothing_has_no_news(regtest: RegtestNode) -> None:
    assert regtest.chain().news() is None


def test_an_announcement_ends_the_wait_and_a_pile_of_them_counts_once() -> None:
    context = zmq.Context()
    publisher = context.socket(zmq.XPUB)
    port = publisher.bind_to_random_port("tcp://127.0.0.1")
    news = NodeNews({f"tcp://127.0.0.1:{port}": [b"hashblock"]})
    try:
        assert publisher.recv() == b"\x01hashblock"  # the subscription has arrived
        assert not news.wait(0.01)
        publisher.send_multipart([b"hashtx", b"\0" * 32, b"\0" * 4])  # nobody asked for this one
        for number in range(5):
            publisher.send_multipart([b"hashblock", b"\0" * 32, number.to_bytes(4, "little")])
        began = time.monotonic()
        assert news.wait(30)
        assert time.monotonic() - began < 20
    finally:
        news.close()
        publisher.close(0)
        context.term()


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ({}, {}),
        ({"pubrawblock": "tcp://127.0.0.1:1"}, {}),
        ({"pubhashblock": "tcp://127.0.0.1:1"}, {"tcp://127.0.0.1:1": [b"hashblock"]}),
        (
            {"pubsequence": "tcp://127.0.0.1:1", "pubhashblock": "tcp://127.0.0.1:2"},
            {"tcp://127.0.0.1:1": [b"sequence"]},
        ),
        (
            {"pubhashblock": "tcp://0.0.0.0:1", "pubhashtx": "tcp://0.0.0.0:1"},
            {"tcp://node.example:1": [b"hashblock", b"hashtx"]},
        ),
        ({"pubhashblock": "ipc:///tmp/news"}, {"ipc:///tmp/news": [b"hashblock"]}),
    ],
)
def test_what_to_hear_follows_what_is_offered(offered: dict[str, str], expected: dict[str, list[bytes]]) -> None:
    assert subscriptions_for(offered, "node.example") == expected

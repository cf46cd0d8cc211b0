"""Nodes for the tests of the Bitcoin family."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.bitcoin.node import RegtestNode


@pytest.fixture(scope="session")
def regtest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegtestNode]:
    """A node shared by the tests of this process: use your own wallets, and only add blocks."""
    node = RegtestNode(tmp_path_factory.mktemp("node"))
    node.start()
    try:
        node.make_rich()
        yield node
    finally:
        node.kill()


@pytest.fixture
def own_regtest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegtestNode]:
    """A node for one test, which may change anything."""
    node = RegtestNode(tmp_path_factory.mktemp("own-node"))
    node.start()
    try:
        yield node
    finally:
        node.kill()


@pytest.fixture
def name() -> str:
    """A wallet name that no other test uses."""
    return f"wallet-{uuid4().hex[:12]}"

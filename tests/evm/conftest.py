"""One private chain for each test process, and misbehaving nodes in front of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.evm.between import Between
from tests.evm.world import World
from wiring.embedded.anvil import AnvilServer


@pytest.fixture(scope="session")
def anvil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnvilServer]:
    """A chain shared by the tests of this process: use your own accounts, and reorganise nothing."""
    made = AnvilServer(tmp_path_factory.mktemp("anvil"), keeps_state=False)
    made.start()
    try:
        made.ensure_funds()
        yield made
    finally:
        made.stop()


@pytest.fixture
def world(anvil: AnvilServer, tmp_path: Path) -> Iterator[World]:
    """A wallet of the test's own on the shared chain; transactions left unmined do not reach other tests."""
    made = World(anvil, tmp_path)
    yield made
    anvil.call("anvil_dropAllTransactions")
    made.close()


@pytest.fixture
def held(anvil: AnvilServer) -> Iterator[AnvilServer]:
    """The shared chain without automatic mining while this test runs."""
    anvil.mines_at_once = False
    yield anvil
    anvil.call("anvil_dropAllTransactions")
    anvil.mines_at_once = True
    anvil.mine()


@pytest.fixture
def between(anvil: AnvilServer) -> Iterator[Callable[[], Between]]:
    """Makes nodes that forward everything until they are given rules."""
    with ExitStack() as stack:

        def make() -> Between:
            made = Between(anvil.rpc_url)
            stack.callback(made.close)
            return made

        yield make

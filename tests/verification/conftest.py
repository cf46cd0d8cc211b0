"""A house with receiving addresses on chains whose providers are fakes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.fakes.provider import FakeProvider
from tests.verification.desk import Desk
from wiring.container import Container


@pytest.fixture
def serving() -> Iterator[Callable[[FakeProvider], FakeProvider]]:
    """Closes providers when the test ends."""
    with ExitStack() as stack:

        def keep(provider: FakeProvider) -> FakeProvider:
            stack.callback(provider.close)
            return provider

        yield keep


@pytest.fixture
def desk(container: Container) -> Iterator[Desk]:
    """A house whose one provider knows a small chain of Solana."""
    made = Desk.open(container)
    yield made
    made.close()

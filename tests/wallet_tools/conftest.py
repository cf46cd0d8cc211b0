"""A house on a real rail, for people who watch wallets there."""

import pytest

from tests.api.house import House, Person
from tests.rail import Rail
from tests.wallet_tools.watcher import Watcher


@pytest.fixture
def house(rail: Rail) -> House:
    """A house on the shared node."""
    return House(rail.container)


@pytest.fixture
def owner(house: House) -> Person:
    """Somebody who is signed in."""
    return house.person()


@pytest.fixture
def watcher(rail: Rail, owner: Person) -> Watcher:
    """The same somebody, using the wallet tools."""
    return Watcher(rail, owner)

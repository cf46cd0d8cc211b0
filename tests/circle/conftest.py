from collections.abc import Iterator

import pytest

from services import addresses
from tests.circle.house import House
from tests.fakes.circle import FakeCircle
from wiring.settings import Settings


@pytest.fixture
def circle() -> Iterator[FakeCircle]:
    made = FakeCircle()
    yield made
    made.stop()


@pytest.fixture
def house(settings: Settings, circle: FakeCircle, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """With small address pools, since each address is requested separately."""
    monkeypatch.setattr(addresses, "POOL_TARGET", 2)
    monkeypatch.setattr(addresses, "POOL_LOW", 2)
    made = House(settings, circle)
    made.refill()
    yield made
    made.close()

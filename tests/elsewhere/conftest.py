from collections.abc import Iterator

import pytest

from tests.elsewhere.house import House
from tests.fakes.flutterwave import FakeFlutterwave
from wiring.settings import Settings


@pytest.fixture
def fake() -> Iterator[FakeFlutterwave]:
    made = FakeFlutterwave()
    yield made
    made.stop()


@pytest.fixture
def house(settings: Settings, fake: FakeFlutterwave) -> Iterator[House]:
    made = House(settings, fake)
    yield made
    made.close()

"""A house that converts."""

import pytest

from tests.conversions.desk import Desk
from wiring.container import Container


@pytest.fixture
def desk(container: Container) -> Desk:
    """A desk with ten of what it pays out set aside."""
    return Desk.open(container)

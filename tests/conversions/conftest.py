"""An installation that converts."""

import pytest

from tests.conversions.desk import Desk
from wiring.container import Container


@pytest.fixture
def desk(container: Container) -> Desk:
    """A desk with a holding of ten of what it pays out."""
    return Desk.open(container)

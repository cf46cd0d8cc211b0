"""Applications for these tests: one per module where tests only add rows, one per test otherwise."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.api.house import House
from tests.conftest import GENEROUS
from tests.databases import Server
from wiring.container import Container, build_container
from wiring.secret import Secret
from wiring.settings import read_settings


@pytest.fixture(scope="module")
def house(server: Server, redis_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An installation that the tests of one module share: each creates its own users."""
    database = server.lend()
    var_dir: Path = tmp_path_factory.mktemp("house")
    settings = replace(
        read_settings({"STRONGROOM_VAR_DIR": str(var_dir)}),
        database_url=database.url,
        redis_url=redis_url,
        database_pool_size=50,
        **GENEROUS,
    )
    container = build_container(settings)
    yield House(container)
    container.engine.dispose()
    server.give_back(database)


@pytest.fixture
def own_house(container: Container) -> House:
    """An installation for one test alone, which may examine everything in it."""
    return House(container)

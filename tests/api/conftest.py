"""An application for every test here: shared by a module where tests only add, its own where they need all of it."""

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
    """A house that the tests of one module share: each makes people of its own."""
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
    """A house for one test alone, which may look at everything in it."""
    return House(container)

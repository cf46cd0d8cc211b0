"""An installation for the pages, and users with browsers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.api.house import COIN, NETWORK, House
from tests.conftest import GENEROUS
from tests.databases import Database, Server
from tests.pages.reader import Reader
from wiring.container import build_container
from wiring.secret import Secret
from wiring.settings import ChainSettings, Settings, read_settings

RAIL = ChainSettings(chain=NETWORK.chain, rpc_url=Secret("http://user:password@127.0.0.1:9"), wallet="none")


@pytest.fixture(scope="module")
def house(server: Server, redis_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An installation that the tests of one module share. Its one rail is configured, and its node is down."""
    database = server.lend()
    yield from _open(_settings(database, redis_url, tmp_path_factory.mktemp("house")), chains=(RAIL,))
    server.give_back(database)


@pytest.fixture
def own_house(own_database: Database, redis_url: Secret, tmp_path: Path) -> Iterator[House]:
    """The same for one test alone."""
    yield from _open(_settings(own_database, redis_url, tmp_path), chains=(RAIL,))


@pytest.fixture
def house_without_rail(own_database: Database, redis_url: Secret, tmp_path: Path) -> Iterator[House]:
    """The same without a chain."""
    yield from _open(_settings(own_database, redis_url, tmp_path), chains=())


@pytest.fixture
def owner(house: House) -> Reader:
    """A user with ten coins."""
    return Reader(house, house.person(funds_minor=10 * COIN))


@pytest.fixture
def approver(house: House) -> Reader:
    """An operator with the approver role."""
    return Reader(house, house.person(role="approver"))


def _settings(database: Database, redis_url: Secret, var_dir: Path) -> Settings:
    read = read_settings({"STRONGROOM_VAR_DIR": str(var_dir)})
    return replace(read, database_url=database.url, redis_url=redis_url, **GENEROUS)


def _open(settings: Settings, *, chains: tuple[ChainSettings, ...]) -> Iterator[House]:
    container = build_container(replace(settings, chains=chains))
    yield House(container)
    container.engine.dispose()

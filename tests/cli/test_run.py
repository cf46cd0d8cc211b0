"""`python -m cli run` brings everything up, mends what is killed, and survives being killed itself."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.waiting import eventually
from wiring.embedded.redis import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
UP_WITHIN_S = 90.0
WHOLE = [sys.executable, "-m", "cli", "run"]
# Each of the others would take seconds to load once more, and show again what they showed at the first start.
A_PART = [sys.executable, "-c", """
import sys
from cli import __main__, stack
whole = stack.programs
stack.programs = lambda settings: [program for program in whole(settings) if program.name in {"web", "chores"}]
sys.argv = ["cli", "run"]
__main__.run()
"""]  # fmt: skip


class Installation:
    """One private installation, started and killed at will."""

    def __init__(self, var_dir: Path) -> None:
        self.web_port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}
        self._environ = kept | {
            "STRONGROOM_VAR_DIR": str(var_dir),
            "STRONGROOM_WEB_PORT": str(self.web_port),
            "STRONGROOM_REALTIME_PORT": str(free_port()),
            "STRONGROOM_FLOWER_PORT": str(free_port()),
            "STRONGROOM_WEB_WORKERS": "1",
            "STRONGROOM_WORKER_CONCURRENCY": "1",
        }
        self._log = var_dir / "run.log"

    @contextmanager
    def running(self, command: Sequence[str] = WHOLE) -> Iterator["subprocess.Popen[bytes]"]:
        with (
            self._log.open("wb") as log,
            subprocess.Popen(command, cwd=ROOT, env=self._environ, stdout=log, stderr=log) as process,
        ):
            try:
                eventually(lambda: self._is_up(process), within_s=UP_WITHIN_S, what="the start")
                yield process
            finally:
                process.kill()

    def told(self) -> str:
        return self._log.read_text(errors="replace")

    def health(self) -> dict[str, str]:
        try:
            with urlopen(f"http://127.0.0.1:{self.web_port}/health", timeout=5) as answer:
                read: dict[str, str] = json.load(answer)
                return read
        except (URLError, OSError):
            return {}

    def pid_of(self, words: str) -> int:
        """The topmost process of this installation whose command line holds these words."""
        for entry in sorted(Path("/proc").iterdir(), key=lambda path: path.name.zfill(10)):
            if entry.name.isdigit() and self._is_ours(entry):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if words in command:
                    return int(entry.name)
        return 0

    def _is_up(self, process: "subprocess.Popen[bytes]") -> bool:
        assert process.poll() is None, self.told()
        return "Strongroom is up" in self.told()

    def _is_ours(self, entry: Path) -> bool:
        try:
            return self._environ["STRONGROOM_VAR_DIR"].encode() in (entry / "environ").read_bytes()
        except OSError:
            return False


@pytest.fixture
def installation() -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="sr-", ignore_cleanup_errors=True) as directory:
        made = Installation(Path(directory))
        yield made
        eventually(lambda: not made.pid_of(""), what="the end of every process")


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_installation_survives_what_is_killed_and_stops_when_told(installation: Installation) -> None:
    with installation.running() as process:
        eventually(lambda: installation.health().get("status") == "healthy", what="health")
        web = eventually(lambda: installation.pid_of("gunicorn.conf.py wsgi:app"), what="the web process")
        os.kill(web, signal.SIGKILL)
        eventually(lambda: "web was ended by SIGKILL" in installation.told(), what="the report")
        eventually(lambda: installation.health().get("status") == "healthy", what="the second start")
        process.kill()
    with installation.running(A_PART) as process:
        eventually(lambda: installation.health().get("status") == "healthy", what="health again")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert installation.health() == {}

"""Real realtime processes: gunicorn as the installation starts it, which tests can kill."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

from tests.waiting import eventually
from wiring.embedded.redis import free_port
from wiring.environ import to_environ
from wiring.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent


class RealtimeProcess:
    """One gunicorn with one worker, on its own port."""

    def __init__(self, settings: Settings, log: Path, *, environ: dict[str, str] | None = None) -> None:
        self.port = free_port()
        self.log = log
        self._environ = {**os.environ, **to_environ(settings), **(environ or {})}
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as output:
            self._server = subprocess.Popen(
                [
                    sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "--workers", "1",
                    "--bind", f"127.0.0.1:{self.port}", "--graceful-timeout", "1", "api.realtime:app",
                ],
                cwd=ROOT,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )  # fmt: skip

    def await_answer(self) -> None:
        eventually(self.answers, what=f"an answer of the realtime process:\n{self.log.read_text()[-2000:]}")

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/live", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def worker(self) -> int:
        """The process id of gunicorn's worker."""
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        return int(children[0])

    def kill(self) -> None:
        """Kill master and worker like a power cut."""
        assert self._server is not None
        if self._server.poll() is None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait()

    def stop(self) -> None:
        assert self._server is not None
        if self._server.poll() is None:
            self._server.terminate()
            try:
                self._server.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()

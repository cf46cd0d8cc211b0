"""Scrape processes, and run a worker and a beat that answer."""

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from domain.queues import QUEUES
from tests.waiting import eventually
from wiring.embedded.process import tail
from wiring.embedded.redis import free_port
from wiring.environ import to_environ
from wiring.secret import Secret
from wiring.settings import Settings

ROOT: Final = Path(__file__).resolve().parent.parent.parent
TOKEN: Final = "the-monitoring-alone"
STOP_PATIENCE_S: Final = 60.0
_SUFFIXES: Final = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


@dataclass
class Scrape:
    """The metrics of one process."""

    text: str

    @property
    def names(self) -> set[str]:
        """Every metric name, including those without samples."""
        return {
            family.name + suffix
            for family in text_string_to_metric_families(self.text)
            for suffix in _SUFFIXES.get(family.type, ("",))
        }

    def samples(self) -> list[Sample]:
        return [sample for family in text_string_to_metric_families(self.text) for sample in family.samples]

    def sum(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name with these labels."""
        return sum(
            sample.value for sample in self.samples() if sample.name == name and labels.items() <= sample.labels.items()
        )


def scrape(port: int) -> Scrape:
    """Scrape as Prometheus does. Raises URLError, an OSError, if there is no answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {TOKEN}", "Accept": "text/plain"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return Scrape(answer.read().decode())


@contextmanager
def celery(settings: Settings, directory: Path, *, watcher: str) -> Iterator[dict[str, int]]:
    """A worker for all queues and a beat, each by the port of its metrics."""
    ports = {"worker": free_port(), "beat": free_port()}
    commands = {
        "worker": [
            "worker",
            "--queues",
            ",".join(QUEUES),
            "--concurrency",
            "1",
            "--without-gossip",
            "--without-mingle",
        ],
        "beat": ["beat"],
    }
    told = replace(settings, alert_heartbeat_url=Secret(watcher), webhook_private=True)
    with ExitStack() as stack:
        for name, port in ports.items():
            command = [sys.executable, "-m", "celery", "--app", "tasks.app", *commands[name], "--loglevel", "INFO"]
            environ = {**os.environ, **to_environ(replace(told, metrics_port=port))}
            with (directory / f"{name}.log").open("wb") as log:
                process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
            stack.callback(_stop, name, process, directory / f"{name}.log")
        for name, port in ports.items():
            log_file = directory / f"{name}.log"
            eventually(
                lambda port=port: _answers(port),  # type: ignore[misc]
                what=f"an answer of {name}: {tail(log_file)}",
            )
        yield ports


def _answers(port: int) -> bool:
    try:
        return bool(scrape(port).text)
    except OSError:
        return False


def _stop(name: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Stop it gracefully; failing to stop is an error."""
    process.terminate()
    try:
        process.wait(STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{name} went on {STOP_PATIENCE_S:g} s after it was told to end: {tail(log)}") from None

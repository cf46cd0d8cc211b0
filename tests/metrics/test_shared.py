"""Counts of several processes make one sum, and those of processes that ended stay in it without leaving files."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from wiring.metrics import shared

# Another program, as gunicorn or a worker is: it shares, forks some, and each counts and ends, or is killed.
PROGRAM: Final = """
import os, signal, sys
from pathlib import Path
from wiring.metrics import shared
from wiring.metrics.exposition import exposition, registry
from adapters import instruments
from domain import metrics
shared.share(Path(sys.argv[1]), "test")
# What the parent counts is its own, and a lock that one of its threads holds when it forks stays behind with it.
instruments.took("bitcoin", "node", "ok", 0.01)
instruments._Own.lock.acquire()
for number in range(3):
    child = os.fork()
    if not child:
        instruments.counter(metrics.REQUESTS).labels("/", "GET", "2xx").inc(number + 1)
        instruments.took("bitcoin", "node", "ok", 0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    if number == 1:
        shared.gone(child)
instruments._Own.lock.release()
print(sorted(path.name for path in shared.directory().glob("*.db")), file=sys.stderr)
print(exposition(registry(), None)[0].decode())
print(sorted(path.name for path in shared.directory().glob("*.db")), file=sys.stderr)
print(exposition(registry(), None)[0].decode())
shared.leave()
"""


@pytest.fixture
def said(tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    left = tmp_path / "metrics" / os.uname().nodename / "test-4194999"  # more than any process has as its id
    left.mkdir(parents=True)
    (left / "counter_1.db").touch()
    answer = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert list((tmp_path / "metrics").glob("*/*")) == []
    return answer


def test_what_processes_counted_that_ended_is_in_the_sum_once_and_in_one_file(
    said: "subprocess.CompletedProcess[str]",
) -> None:
    before, after = said.stderr.splitlines()
    # Two were folded when they were known to have ended, the last by whoever asked.
    assert (before.count("counter_"), before.count("histogram_")) == (2, 3)
    assert (after.count("counter_0.db"), after.count("histogram_0.db")) == (1, 1)
    assert (after.count("counter_"), after.count("histogram_")) == (1, 2)  # its own
    assert said.stdout.count('strongroom_requests_total{method="GET",rule="/",status="2xx"} 6.0') == 2
    assert said.stdout.count('strongroom_call_seconds_count{adapter="bitcoin",outcome="ok",peer="node"} 4.0') == 2
    assert said.stdout.count('le="0.025",outcome="ok",peer="node"} 4.0') == 2


def test_a_directory_that_cannot_be_written_costs_figures_and_no_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(shared.DIRECTORY, raising=False)
    (tmp_path / "metrics").touch()
    shared.share(tmp_path, "test")
    assert "metrics_not_shared" in capsys.readouterr().out
    assert shared.directory() is None
    shared.leave()
    shared.gone(1)

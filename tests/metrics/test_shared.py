"""Counts of several processes make one sum, and those of processes that ended stay in it without leaving files."""

import os
import signal
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


# Whoever folds is killed before each step that changes a file, and somebody else folds what is left.
KILLED: Final = """
import os, signal, sys
from pathlib import Path
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from wiring.metrics import shared
KEY = mmap_key("told", "told", (), (), "")
STEPS = {"open", "os.rename", "os.remove", "shutil.copyfile"}
ENDED = (4194990, 4194991)  # more than any process has as its id
def kill_before(step):
    seen = 0
    def look(event, _):
        nonlocal seen
        seen += event in STEPS
        if event in STEPS and seen == step:
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(look)
for step in range(1, 1000):
    where = Path(sys.argv[1]) / str(step)
    where.mkdir()
    for number, process_id in enumerate((0, *ENDED)):
        counted = MmapedDict(str(where / f"counter_{process_id}.db"))
        counted.write_value(KEY, 4.0 ** number, 0.0)
        counted.close()
    child = os.fork()
    if not child:
        kill_before(step)
        shared.fold(where)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    again = MmapedDict(str(where / f"counter_{ENDED[0]}.db"))  # the number is another process's by now
    again.write_value(KEY, again.read_value(KEY)[0] + 100, 0.0)
    again.close()
    [metric] = shared.SharedCollector(where).collect()
    print(step, status, metric.samples[0].value, sorted(path.suffix for path in where.iterdir()))
    if not status:
        break
"""


def test_whoever_folds_may_be_killed_at_any_step_and_nothing_is_counted_twice_or_lost(tmp_path: Path) -> None:
    answer = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    told = [line.split(maxsplit=3) for line in answer.stdout.splitlines()]
    assert len(told) > 15, "it was killed at every step"
    assert {status for _, status, _, _ in told[:-1]} == {str(int(signal.SIGKILL))}
    assert {value for _, _, value, _ in told} == {"121.0"}
    assert {left for _, _, _, left in told} == {"['', '.db']"}

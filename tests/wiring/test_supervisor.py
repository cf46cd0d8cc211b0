"""Processes are kept running, their lines are told apart, and all of them end with their supervisor."""

import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import eventually
from wiring.supervisor import Program, Supervisor

LOOP = "import time, os; print('pid', os.getpid(), flush=True); time.sleep(600)"
CRASH = "print('no', flush=True); raise SystemExit(3)"
# Ends on TERM, but leaves a child that does not care.
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LOOP}"])
time.sleep(600)
"""
SUPERVISE = """
import sys, threading
from pathlib import Path
from wiring.supervisor import Program, Supervisor
program = Program("loop", [sys.executable, "-c", sys.argv[1]])
supervisor = Supervisor([program], environ={}, directory=Path("."), write=lambda name, line: print(line, flush=True))
supervisor.start()
supervisor.run(threading.Event())
"""


class Lines:
    """What the processes said."""

    def __init__(self) -> None:
        self.of: defaultdict[str, list[str]] = defaultdict(list)

    def write(self, name: str, line: str) -> None:
        self.of[name].append(line)


class Supervised:
    """A supervisor at work in a thread of its own."""

    def __init__(self, *programs: Program) -> None:
        self.lines = Lines()
        self.supervisor = Supervisor(programs, environ=os.environ, directory=Path.cwd(), write=self.lines.write)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        self.supervisor.start()
        self.supervisor.run(self._stop)
        self.supervisor.stop()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def supervise() -> Iterator[type[Supervised]]:
    made: list[Supervised] = []

    class Kept(Supervised):
        def __init__(self, *programs: Program) -> None:
            super().__init__(*programs)
            made.append(self)

    yield Kept
    for one in made:
        one.end()


def program(name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_process_is_reported_and_started_again(supervise: type[Supervised]) -> None:
    work = supervise(program("loop", LOOP), program("other", LOOP))
    first = eventually(lambda: work.supervisor.pids().get("loop", 0))
    other = eventually(lambda: work.supervisor.pids().get("other", 0))
    eventually(lambda: work.lines.of["loop"])
    os.kill(first, signal.SIGKILL)
    eventually(lambda: len(work.lines.of["loop"]) == 2, what="the second start")
    assert work.lines.of["system"] == ["loop was ended by SIGKILL; starting it again in 1 s"]
    assert work.supervisor.pids()["loop"] != first
    assert work.supervisor.pids()["other"] == other


def test_one_that_keeps_crashing_is_given_more_time_each_time(supervise: type[Supervised]) -> None:
    work = supervise(program("bad", CRASH))
    eventually(lambda: len(work.lines.of["system"]) >= 2, what="two crashes")
    assert work.lines.of["system"][:2] == [
        "bad ended with status 3; starting it again in 1 s",
        "bad ended with status 3; starting it again in 2 s",
    ]


def test_everything_ends_with_it_children_of_children_too(supervise: type[Supervised]) -> None:
    work = supervise(program("parent", PARENT))
    line = eventually(lambda: work.lines.of["parent"])[0]
    child = int(line.removeprefix("pid "))
    assert is_alive(child)
    work.end()
    assert work.supervisor.pids() == {}
    eventually(lambda: not is_alive(child), what="the end of the grandchild")


def test_a_killed_supervisor_leaves_nothing_running() -> None:
    command = [sys.executable, "-c", SUPERVISE, LOOP]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline().removeprefix("pid "))
        assert is_alive(pid)
        supervisor.kill()
    eventually(lambda: not is_alive(pid), what="the end of the process")

"""Keep a set of processes running: their lines prefixed with their names, a crash reported and mended with back-off."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from wiring.embedded.process import dies_with_us

TICK_S: Final = 0.1
BACK_OFF_FIRST_S: Final = 1.0
BACK_OFF_MAX_S: Final = 30.0
STEADY_AFTER_S: Final = 60.0
"""A process that lived this long is restarted at once after its next crash."""
STOP_PATIENCE_S: Final = 20.0

Write = Callable[[str, str], None]
"""Shows one line of one process: (name, line). Called from several threads."""


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep running. `environ` is added to what all share; TERM must stop it cleanly."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)


class Supervisor:
    """Runs programs until told to stop.

    Each is started in its own session, so that Ctrl-C in the terminal reaches the supervisor alone, which then stops
    all of them in order; and should the supervisor be killed, the kernel kills each of them: what they talk to goes at
    the same moment, and nobody is left to end one that would wait for it. Start, run and stop it from one and the same
    thread: the kernel's promise ends with the thread that started a process.
    """

    def __init__(
        self, programs: Sequence[Program], *, environ: Mapping[str, str], directory: Path, write: Write
    ) -> None:
        self._write = write
        self._kept = [_Kept(program, environ, directory, write) for program in programs]

    def start(self) -> None:
        """Start every program."""
        for kept in self._kept:
            kept.start()

    def run(self, stop: threading.Event) -> None:
        """Restart what crashes, until the event is set."""
        while not stop.wait(TICK_S):
            for kept in self._kept:
                kept.mend()

    def stop(self) -> None:
        """Ask all programs to stop, at once, and wait; kill what does not stop in time."""
        for kept in self._kept:
            kept.ask_to_stop()
        deadline = time.monotonic() + STOP_PATIENCE_S
        for kept in self._kept:
            kept.await_stop(deadline)

    def pids(self) -> Mapping[str, int]:
        """The process id of each program that runs now."""
        return {kept.name: kept.pid for kept in self._kept if kept.pid is not None}


class _Kept:
    """One program, its process of the moment, and when it may be started again."""

    def __init__(self, program: Program, environ: Mapping[str, str], directory: Path, write: Write) -> None:
        self.name = program.name
        self._command = [*dies_with_us(signal.SIGKILL), *program.command]
        self._environ = {**environ, **program.environ}
        self._directory = directory
        self._write = write
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_at = 0.0
        self._start_again_at = 0.0
        self._back_off_s = BACK_OFF_FIRST_S

    @property
    def pid(self) -> int | None:
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and alive else None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._directory,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._started_at = time.monotonic()
        self._reader = threading.Thread(target=self._copy_lines, args=(self._process,), daemon=True)
        self._reader.start()

    def mend(self) -> None:
        now = time.monotonic()
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return
            if now - self._started_at > STEADY_AFTER_S:
                self._back_off_s = BACK_OFF_FIRST_S
            self._write("system", f"{self.name} {_how(status)}; starting it again in {self._back_off_s:g} s")
            self._sweep(signal.SIGKILL)
            self._process = None
            self._start_again_at = now + self._back_off_s
            self._back_off_s = min(self._back_off_s * 2, BACK_OFF_MAX_S)
        elif now >= self._start_again_at:
            self.start()

    def ask_to_stop(self) -> None:
        if self.pid is not None and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def await_stop(self, deadline: float) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._write("system", f"{self.name} did not stop in {STOP_PATIENCE_S:g} s and is killed")
        self._sweep(signal.SIGKILL)
        self._process.wait()
        if self._reader is not None:
            self._reader.join(1.0)

    def _sweep(self, how: signal.Signals) -> None:
        """Signal what the process left in its group: surviving children hold its ports and its pipe."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, how)
            except ProcessLookupError:
                return

    def _copy_lines(self, process: "subprocess.Popen[bytes]") -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                self._write(self.name, line.decode(errors="replace").rstrip("\n"))


def _how(status: int) -> str:
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"

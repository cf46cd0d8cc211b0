"""Start a server so that it does not outlive us, stop it in its own way, and recognise one that was left behind."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

POLL_S = 0.02
TAIL_LINES = 15


class ServerFailed(Exception):
    """An embedded server did not start or did not answer; the message carries the end of its log."""


def dies_with_us(stop_signal: signal.Signals) -> list[str]:
    """The command prefix that has the kernel stop a server when the process that started it dies, however it dies."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG"), "--"] if setpriv else []


def spawn(
    command: Sequence[str], *, log: Path, directory: Path, environ: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a server in its own session, so that Ctrl-C reaches it through us only; its output goes to `log`.

    It has our environment, or `environ` and nothing else.
    """
    rotate(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=directory,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def rotate(log: Path) -> None:
    """Keep the log of one earlier run."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".1.log"))


def tail(log: Path) -> str:
    """The last lines of a log, for an error message."""
    if not log.exists():
        return "(no log was written)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


def stop(server: "subprocess.Popen[bytes]", *, stop_signal: signal.Signals, patience_s: float) -> None:
    """Ask the server to stop and wait; past the patience, kill it."""
    if server.poll() is not None:
        return
    server.send_signal(stop_signal)
    try:
        server.wait(patience_s)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def clear_leftover(pid_file: Path, *, works_in: Path, stop_signal: signal.Signals, patience_s: float) -> None:
    """Stop the server that an earlier run left behind, and remove the pid file that it or its killer left.

    The pid is believed only if that process works in `works_in`: numbers are reused, and a stranger is never signalled.
    """
    pid = _pid_in(pid_file)
    if pid is not None and _works_in(pid, works_in):
        os.kill(pid, stop_signal)
        if not await_truth(lambda: not _works_in(pid, works_in), patience_s):
            os.kill(pid, signal.SIGKILL)
            await_truth(lambda: not _works_in(pid, works_in), patience_s)
    pid_file.unlink(missing_ok=True)


def await_truth(truth: Callable[[], bool], patience_s: float) -> bool:
    """Look until it is true or patience ends; says which."""
    deadline = time.monotonic() + patience_s
    while not truth():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _pid_in(pid_file: Path) -> int | None:
    if not pid_file.exists():
        return None
    first = pid_file.read_text().split("\n", 1)[0].strip()
    return int(first) if first.isdigit() else None


def _works_in(pid: int, directory: Path) -> bool:
    """Whether this process is alive with this working directory (a zombie has none)."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == directory.resolve()
    except OSError:
        return False

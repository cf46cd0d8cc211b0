"""A process at a terminal stops when it is told to, however often it is told."""

import signal
import subprocess
import sys

TERMS = 200
# Python gives its handlers up some time before it ends; until the last signal was sent, this process does not.
WAITS = """
import sys
from cli.run import stop_on_signals
stopped = stop_on_signals()
print("waits", flush=True)
stopped.wait()
print("stops", flush=True)
sys.stdin.read()
"""


def test_signals_that_come_all_at_once_stop_it_once() -> None:
    command = [sys.executable, "-c", WAITS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        for _ in range(TERMS):
            process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
        assert said == "stops\n"
        assert process.returncode == 0

"""A process at a terminal stops when it is told to, however often it is told."""

import signal
import subprocess
import sys

TERMS = 200
WAITS = """
from cli.run import stop_on_signals
stopped = stop_on_signals()
print("waits", flush=True)
stopped.wait()
print("stops", flush=True)
"""


def test_signals_that_come_all_at_once_stop_it_once() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        for _ in range(TERMS):
            process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "stops\n"
        assert process.wait(20) == 0

"""A worker of gunicorn stops when it is told to, however early that is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What a worker does first, with the handlers that it has of its master.
BEGINNING = """
import os, runpy, signal
signal.signal(signal.SIGTERM, lambda *_: None)
runpy.run_path("gunicorn.conf.py")["post_fork"](None, None)
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_worker_that_is_not_ready_yet_ends_when_its_master_stops(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")}
    environ = kept | {"STRONGROOM_VAR_DIR": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", BEGINNING], cwd=ROOT, env=environ, check=False)
    assert ended.returncode == -signal.SIGTERM

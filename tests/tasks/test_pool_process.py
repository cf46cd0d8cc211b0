"""A process of a worker's pool ends with its worker, also one that waits for it."""

import os
import signal
from pathlib import Path

import pytest

from tasks import app
from tests.waiting import eventually


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # neither process does more than wait
def test_a_process_whose_worker_is_killed_ends_although_it_waits_to_be_read() -> None:
    results, unread = os.pipe()
    told, tell = os.pipe()
    worker = os.fork()
    if not worker:
        if os.fork():
            signal.pause()
        app._die_with_its_worker()
        os.write(tell, str(os.getpid()).encode())
        while True:
            os.write(unread, bytes(1 << 16))  # the pipe is full at the second time, and both ends of it are open here
    pid = int(os.read(told, 20))
    try:
        assert alive(pid)
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: not alive(pid), what="its end")
    finally:
        os.waitpid(worker, 0)
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
        for end in (results, unread, told, tell):
            os.close(end)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False

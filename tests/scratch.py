"""Where a test run keeps its files: in memory if there is enough, since nodes sync to disk for every key."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")
"""A file system in memory that Linux offers to everybody; in a container it is often too small."""
ROOM_BYTES_MIN: Final = 3 * 2**30
AVAILABLE_BYTES_MIN: Final = 5 * 2**30


def use_memory() -> None:
    """Put temporary files of this process and its children in memory, unless TMPDIR is set or memory is scarce."""
    if "TMPDIR" not in os.environ and _is_plentiful():
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _is_plentiful() -> bool:
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM_BYTES_MIN:
        return False
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    available_kib = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    return available_kib * 1024 >= AVAILABLE_BYTES_MIN

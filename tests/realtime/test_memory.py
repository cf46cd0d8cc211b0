"""What thousands of newcomers were told is no memory of the process for ever."""

import subprocess
import sys

TOLD: int = 35_000
HELD: int = 1_024
COUNT: int = 2_000
# In a process of its own: in one that has served for long, what is told lies in whatever others left free.
GIVES_BACK = f"""
import resource
from pathlib import Path
from api.realtime import memory

def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

told, held = [], []
for _ in range({COUNT}):
    told.append(bytes([1]) * {TOLD})
    held.append(bytes([1]) * {HELD})
del told
before = resident_bytes()
memory.give_back()
print(before - resident_bytes(), all(len(one) == {HELD} for one in held))
"""


def test_pages_that_lie_free_between_what_lives_are_given_back() -> None:
    answer = subprocess.run([sys.executable, "-c", GIVES_BACK], capture_output=True, text=True, check=True)
    given_back, all_there = answer.stdout.split()
    assert int(given_back) > COUNT * TOLD / 2
    assert all_there == "True"

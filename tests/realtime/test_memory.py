"""What thousands of newcomers were told is no memory of the process for ever."""

import resource
from pathlib import Path

from api.realtime import memory

TOLD: int = 35_000
HELD: int = 1_024
COUNT: int = 2_000


def test_pages_that_lie_free_between_what_lives_are_given_back() -> None:
    told, held = [], []
    for _ in range(COUNT):
        told.append(bytes([1]) * TOLD)
        held.append(bytes([1]) * HELD)
    del told
    before = resident_bytes()
    memory.give_back()
    assert before - resident_bytes() > COUNT * TOLD / 2
    assert all(len(one) == HELD for one in held)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

"""A process ends without looking for garbage, and with everything done that it owes."""

import subprocess
import sys

# What is registered first is done last.
ENDING = """
import atexit, gc
atexit.register(lambda: print(len(gc.get_objects()) < 100 < gc.get_freeze_count()))
from wiring.leaving import leave_at_once
leave_at_once()
atexit.register(print, "written down")
"""


def test_what_a_process_owes_is_done_and_nothing_is_left_to_look_through() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDING], stdout=subprocess.PIPE, text=True, check=True)
    assert ended.stdout.split() == ["written", "down", "True"]

"""Marked steps at which a test may kill the process, to prove that the next run finishes the work once."""

import os
import signal
from pathlib import Path

CRASH_AT = "STRONGROOM_CRASH_AT"
"""The step at which every process dies that passes it."""
CRASH_ONCE_IN = "STRONGROOM_CRASH_ONCE_IN"
"""A directory; a file in it, named like a step, has the first process die that passes this, and is gone by then."""


def crash_point(name: str) -> None:
    """Do nothing, unless the environment says to die at this step: then at once, as a power cut would."""
    if os.environ.get(CRASH_AT) == name or _is_our_turn(name):
        os.kill(os.getpid(), signal.SIGKILL)


def _is_our_turn(name: str) -> bool:
    """Whether a file asked for one death at this step, and nobody else has taken it."""
    folder = os.environ.get(CRASH_ONCE_IN)
    if not folder:
        return False
    try:
        Path(folder, name).unlink()
    except FileNotFoundError:
        return False
    return True

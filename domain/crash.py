"""Marked steps at which a test may kill the process, to prove that the next run finishes the work once."""

import os
import signal

CRASH_AT = "STRONGROOM_CRASH_AT"


def crash_point(name: str) -> None:
    """Do nothing, unless the environment names this step: then die at once, as a power cut would."""
    if os.environ.get(CRASH_AT) == name:
        os.kill(os.getpid(), signal.SIGKILL)

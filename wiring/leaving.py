"""End a process without going through all that it has loaded once more."""

import atexit
import gc


def leave_at_once() -> None:
    """Spare this process, and what it forks, the search for garbage at its very end.

    Python looks through everything several times before it ends, for 0.7 s of processor time with what we load; the
    kernel takes all of it back in any case. What is registered to be done at the end is done as ever.
    """
    atexit.register(gc.freeze)

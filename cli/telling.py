"""How a demo tells its story: a line for each step, when it has happened."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from wiring.embedded.process import ServerFailed

STEP_PATIENCE_S: Final = 60.0
LOOK_AGAIN_S: Final = 0.1


def say(line: str) -> None:
    """One line of the story."""
    print(f"· {line}", flush=True)


def say_live(line: str) -> None:
    """What somebody was told without asking."""
    print(f"    live    {line}", flush=True)


@contextmanager
def step(title: str) -> Iterator[Callable[[str], None]]:
    """Tell one step when it has happened, and how long it took; what the block notes is told with it."""
    noted: list[str] = []
    started = time.monotonic()
    yield noted.append
    aside = f" ({'; '.join(noted)})" if noted else ""
    print(f"✓ {time.monotonic() - started:6.2f} s  {title}{aside}", flush=True)


def wait_for(happened: Callable[[], Any], *, patience_s: float) -> Any:
    """What `happened` gives once it gives anything, or its last answer after so many seconds."""
    deadline = time.monotonic() + patience_s
    while not (found := happened()) and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN_S)
    return found


def until(happened: Callable[[], Any]) -> Any:
    """The same, for what has to happen. Raises ServerFailed."""
    found = wait_for(happened, patience_s=STEP_PATIENCE_S)
    if not found:
        raise ServerFailed(f"this did not happen within {STEP_PATIENCE_S:g} s; run with VERBOSE=1 to see every line")
    return found

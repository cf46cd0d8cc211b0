"""The demo's output: a line for each step, when it has happened."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from wiring.embedded.process import ServerFailed

STEP_PATIENCE_S: Final = 60.0
LOOK_AGAIN_S: Final = 0.1


def say(line: str) -> None:
    """Print one line."""
    print(f"· {line}", flush=True)


def say_live(line: str) -> None:
    """Print one line about a notification."""
    print(f"    live    {line}", flush=True)


@contextmanager
def step(title: str) -> Iterator[Callable[[str], None]]:
    """Print a step once the block has ended, with its duration and the notes that the block made."""
    noted: list[str] = []
    started = time.monotonic()
    yield noted.append
    aside = f" ({'; '.join(noted)})" if noted else ""
    print(f"✓ {time.monotonic() - started:6.2f} s  {title}{aside}", flush=True)


def wait_for(happened: Callable[[], Any], *, patience_s: float) -> Any:
    """The first true value of `happened`, or its last value after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not (found := happened()) and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN_S)
    return found


def until(happened: Callable[[], Any]) -> Any:
    """The first true value of `happened`. Raises ServerFailed if there is none in time."""
    found = wait_for(happened, patience_s=STEP_PATIENCE_S)
    if not found:
        raise ServerFailed(f"this did not happen within {STEP_PATIENCE_S:g} s; run with VERBOSE=1 to see every line")
    return found

"""Work through what has piled up, a batch in each transaction, and leave the rest to the next turn."""

from collections.abc import Callable
from typing import Final

from sqlalchemy.orm import Session

from wiring.container import Container

BATCHES_MAX: Final = 100


def drop_all(container: Container, drop: Callable[[Session], tuple[int, int]], *, batch: int) -> int:
    """Drop rows until a batch was not full; returns how many are gone.

    `drop` says how many it looked at, `batch` at most, and how many of these are gone. However many were left lying, no
    statement runs out of time, and what is gone stays gone if the process ends.
    """
    gone = 0
    for _ in range(BATCHES_MAX):
        with container.transaction() as session:
            looked, dropped = drop(session)
        gone += dropped
        if looked < batch:
            break
    return gone

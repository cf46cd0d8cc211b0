"""Work off a backlog, one transaction for each batch, and leave the rest to the next turn."""

from collections.abc import Callable
from typing import Final

from sqlalchemy.orm import Session

from wiring.container import Container

BATCHES_MAX: Final = 100


def drop_all(container: Container, drop: Callable[[Session], tuple[int, int]], *, batch: int) -> int:
    """Drop rows until a batch is not full; returns how many are gone.

    `drop` returns how many rows it looked at, `batch` at most, and how many of these it dropped. However large the
    backlog, no statement times out, and what is gone stays gone if the process ends.
    """
    gone = 0
    for _ in range(BATCHES_MAX):
        with container.transaction() as session:
            looked, dropped = drop(session)
        gone += dropped
        if looked < batch:
            break
    return gone

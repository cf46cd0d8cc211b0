"""Keep the dashboard's sums up to date."""

from typing import Final

from domain.actor import Actor
from services import rollups
from tasks.app import task
from tasks.runtime import worker_name
from wiring.container import Container

# One turn does not go on for ever; the next one follows soon.
BATCHES_MAX: Final = 50


@task("rollups.fold")
def fold(container: Container, by: Actor) -> int:
    """Count what has happened since. Returns how many events that were."""
    return fold_some(container)


def fold_some(container: Container) -> int:
    """Count what has happened since, in small transactions, up to what one turn may. Returns how many events."""
    counted = 0
    for _ in range(BATCHES_MAX):
        with container.transaction() as session:
            events = rollups.fold(session, owner=worker_name(), now=container.now())
        if not events:
            break
        counted += events
    return counted

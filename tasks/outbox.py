"""Hand promised work to the broker, if the promising process did not do so itself."""

from datetime import timedelta
from typing import Final

from domain.actor import Actor
from domain.crash import crash_point
from services import outbox
from tasks.app import app, task
from wiring.container import Container

# The promising process usually wakes the worker at once; the relay sends what it did not.
PATIENCE: Final = timedelta(seconds=1)
# One turn of the relay does not go on for ever while others promise.
BATCHES_MAX: Final = 50


@task("outbox.relay")
def relay(container: Container, by: Actor) -> int:
    """Send every promise that is due. Returns how many."""
    return relay_promises(container)


def relay_promises(container: Container) -> int:
    """Send every promise that is due, then forget it. Returns how many. Sending twice is harmless."""
    relayed = 0
    for _ in range(BATCHES_MAX):
        count = _relay_some(container)
        relayed += count
        if count < outbox.BATCH_MAX:
            break
    return relayed


def _relay_some(container: Container) -> int:
    with container.transaction() as session:
        messages = outbox.claim(session, now=container.now(), older_than=PATIENCE)
    if not messages:
        return 0
    seen = set()
    for message in messages:
        request = (message.task, tuple(sorted(message.arguments.items())))
        if request not in seen:
            app.send_task(message.task, kwargs=message.arguments, retry=False)
            seen.add(request)
    crash_point("outbox.relayed")
    with container.transaction() as session:
        outbox.done(session, [message.id for message in messages])
    return len(messages)

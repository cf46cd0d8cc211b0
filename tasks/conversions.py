"""Carry out requested conversions."""

from contextlib import ExitStack

import structlog

from domain.actor import Actor
from domain.crash import crash_point
from services import conversions
from services.conversions import Order
from services.leases import LeaseLost
from tasks.app import task
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)


@task("conversions.settle")
def settle(container: Container, by: Actor) -> int:
    """Carry out the conversions that are due, or void their holds. Returns how many came to rest."""
    return settle_due(container, by)


def settle_due(container: Container, by: Actor) -> int:
    """The same, in batches, each conversion in its own transaction. A failure holds up no other."""
    settled: list[Order] = []
    while True:
        with container.transaction() as session:
            due = conversions.claim_due(session, owner=worker_name(), now=container.now())
        if not due:
            return len(settled)
        crash_point("conversion.claimed")
        # Every order has its turn, in order, before an exception is raised.
        with ExitStack() as turns:
            for order in reversed(due):
                turns.callback(_settle, container, order, by, settled)


def _settle(container: Container, order: Order, by: Actor, settled: list[Order]) -> None:
    try:
        with container.transaction() as session:
            row = conversions.settle(session, order, now=container.now(), by=by)
    except LeaseLost:
        log.warning("lease_lost", conversion_id=str(order.conversion_id))
        return
    settled.append(order)
    crash_point("conversion.settled")
    if row.failed_because is not None:
        log.warning("conversion_failed", conversion_id=str(row.id), reason=row.failed_because)

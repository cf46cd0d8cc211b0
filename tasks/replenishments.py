"""End the orders that nobody funded."""

from domain.actor import Actor
from services import replenishments
from tasks.app import task
from wiring.container import Container


@task("replenishments.expire")
def expire(container: Container, by: Actor) -> int:
    """End orders whose time is over. Returns how many."""
    with container.transaction() as session:
        return replenishments.expire_due(session, now=container.now(), by=by)

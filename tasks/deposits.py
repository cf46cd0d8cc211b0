"""Credit what has its confirmations."""

from domain.actor import Actor
from domain.crash import crash_point
from services import chains, deposits
from tasks.app import task
from wiring.container import Container


@task("deposits.credit")
def credit(container: Container, by: Actor) -> int:
    """Credit every due deposit of every chain. Returns how many."""
    with container.reading() as session:
        names = [cursor.chain for cursor in chains.every(session)]
    return sum(credit_chain(container, name, by) for name in names)


def credit_chain(container: Container, chain: str, by: Actor) -> int:
    """Credit every due deposit of one chain, a batch at a time, and book those that are set aside. Returns how many."""
    _set_aside(container, chain, by)
    credited = 0
    while True:
        with container.transaction() as session:
            count = deposits.credit_due(session, chain, now=container.now(), by=by)
            if count:
                crash_point("deposit.crediting")
        if not count:
            return credited
        credited += count
        crash_point("deposit.credited")


def _set_aside(container: Container, chain: str, by: Actor) -> None:
    """Have suspense carry what is confirmed and in quarantine, a batch at a time."""
    while True:
        with container.transaction() as session:
            count = deposits.take_due(session, chain, now=container.now(), by=by)
            if count:
                crash_point("deposit.setting_aside")
        if not count:
            return
        crash_point("deposit.set_aside")

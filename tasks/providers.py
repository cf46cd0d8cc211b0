"""Collect what came in at providers."""

import structlog

from domain.actor import Actor
from domain.crash import crash_point
from domain.node_refusals import ChainError
from domain.ports import Provider
from services import assets, chains, collecting
from services.leases import LeaseLost
from tasks.app import task
from tasks.deposits import credit_chain
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

PAGES_PER_TURN = 50


@task("providers.collect")
def collect(container: Container, by: Actor) -> int:
    """Look at every provider that is configured. Returns how many new deposits were sighted."""
    return sum(collect_provider(container, provider, by) for provider in container.providers.values())


def collect_provider(container: Container, provider: Provider, by: Actor) -> int:
    """Read one provider on from where it was left, unless it is paused or another worker is at it."""
    name = provider.rail.chain
    with container.transaction() as session:
        assets.ensure_rail(session, provider.rail)
        collecting.begin(session, name, now=container.now())
        cursor = chains.claim(session, name, owner=worker_name(), now=container.now())
    if cursor is None:
        return 0
    generation = cursor.lease_generation
    try:
        found = _read_on(container, provider, cursor.hash, generation, by)
        with container.transaction() as session:
            height = chains.held(session, name, generation).height
            chains.finish(session, name, generation=generation, tip_height=height, now=container.now())
    except LeaseLost:
        log.warning("lease_lost", chain=name)
        return 0
    except ChainError as error:
        log.warning("provider_unreadable", chain=name, code=error.code, reason=str(error))
        with container.transaction() as session:
            chains.fail(session, name, generation=generation, code=error.code, now=container.now())
        return 0
    credit_chain(container, name, by)
    return found


def _read_on(container: Container, provider: Provider, place: str, generation: int, by: Actor) -> int:
    found = 0
    for _ in range(PAGES_PER_TURN):
        page = provider.incoming(place)
        crash_point("deposit.block_read")
        with container.transaction() as session:
            found += collecting.record(
                session,
                provider.rail.chain,
                page,
                generation=generation,
                credits_pending=provider.credits_pending,
                now=container.now(),
                by=by,
            )
            crash_point("deposit.block_recording")
        crash_point("deposit.block_recorded")
        if page.is_last:
            break
        place = page.cursor
    return found

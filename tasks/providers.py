"""Collect what came in at providers."""

from collections.abc import Sequence

import structlog

from domain.actor import Actor
from domain.crash import crash_point
from domain.node_refusals import ChainError
from domain.provider_facts import IncomingPage
from domain.provider_ports import Provider
from services import assets, chains, provider_cursors
from services.leases import LeaseLost
from tasks.app import task
from tasks.deposits import credit_chain
from tasks.rounds import at, visit
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

PAGES_PER_TURN = 50
NAMED_AT_ONCE = 50


@task("providers.collect")
def collect(container: Container, by: Actor) -> int:
    """Look at every provider that is configured. Returns how many new deposits were sighted."""
    return visit("providers.collect", at(container.providers, collect_provider, container, by))


def collect_provider(container: Container, provider: Provider, by: Actor) -> int:
    """Read one provider on from where it was left, unless it is paused or another worker is at it."""
    name = provider.rail.chain
    with container.transaction() as session:
        assets.ensure_rail(session, provider.rail)
        provider_cursors.begin(session, name, now=container.now())
        cursor = chains.claim(session, name, owner=worker_name(), now=container.now())
    if cursor is None:
        return 0
    generation = cursor.lease_generation
    try:
        found = _read_on(container, provider, cursor.hash, generation, by)
        with container.transaction() as session:
            height = chains.held(session, name, generation).height
            chains.finish(session, name, generation=generation, tip_height=height, now=container.now())
            provider_cursors.rest(session, name, until=container.now() + provider.poll_interval)
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


def collect_named(container: Container, provider: Provider, transfer_ids: Sequence[str], by: Actor) -> frozenset[str]:
    """Ask about these transfers now, whatever was read of them. Returns those asked about: none while another reads.

    Raises ChainError.
    """
    name, asked = provider.rail.chain, set()
    if not transfer_ids:
        return frozenset()
    with container.transaction() as session:
        assets.ensure_rail(session, provider.rail)
        provider_cursors.begin(session, name, now=container.now())
        provider_cursors.rest(session, name, until=None)
        cursor = chains.claim(session, name, owner=worker_name(), now=container.now())
    if cursor is None:
        return frozenset()
    generation = cursor.lease_generation
    try:
        for first in range(0, len(transfer_ids), NAMED_AT_ONCE):
            part = transfer_ids[first : first + NAMED_AT_ONCE]
            told = [provider.incoming_one(transfer_id) for transfer_id in part]
            page = IncomingPage(tuple(one for one in told if one is not None), cursor.hash, is_last=True)
            _record(container, provider, page, generation, by)
            asked |= set(part)
    except LeaseLost:
        log.warning("lease_lost", chain=name)
        return frozenset(asked)
    finally:
        with container.transaction() as session:
            provider_cursors.let_go(session, name, generation=generation, now=container.now())
    credit_chain(container, name, by)
    return frozenset(asked)


def _read_on(container: Container, provider: Provider, place: str, generation: int, by: Actor) -> int:
    found = 0
    for _ in range(PAGES_PER_TURN):
        page = provider.incoming(place)
        crash_point("deposit.block_read")
        found += _record(container, provider, page, generation, by)
        if page.is_last:
            break
        place = page.cursor
    return found


def _record(container: Container, provider: Provider, page: IncomingPage, generation: int, by: Actor) -> int:
    with container.transaction() as session:
        found = provider_cursors.record(
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
    return found

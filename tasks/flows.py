"""Maintain the record of flows: archive old events, measure what is usual, add missing list entries."""

from typing import Final

import structlog

from domain.actor import Actor
from domain.crash import crash_point
from services import flow_stats, log_lines, received_transfers, retention
from tasks.app import task
from wiring.container import Container

log = structlog.get_logger(__name__)

# One turn does not go on for ever; the next one follows soon.
BATCHES_MAX: Final = 100
SPANS_MAX: Final = 20


@task("flows.archive")
def archive(container: Container, by: Actor) -> int:
    """Move old events to the archive, in small transactions. Returns how many."""
    moved = 0
    for _ in range(BATCHES_MAX):
        with container.transaction() as session:
            flows, events = retention.archive_some(session, now=container.now())
            crash_point("flows.archiving")
        moved += events
        if flows < retention.FLOWS_PER_BATCH:
            break
    return moved


@task("flows.measure")
def measure(container: Container, by: Actor) -> bool:
    """Measure how long each step usually lasts, every few minutes. Returns whether that was done."""
    with container.transaction() as session:
        return flow_stats.measure(session, now=container.now())


@task("flows.forget_lines")
def forget_lines(container: Container, by: Actor) -> int:
    """Drop log lines that are too old to be looked for. Returns how many."""
    with container.transaction() as session:
        return log_lines.forget_old(session, now=container.now())


@task("flows.list_received")
def list_received(container: Container, by: Actor) -> int:
    """Add missing list entries of received transfers, since the last time. Returns how many."""
    listed, after = 0, None
    for _ in range(SPANS_MAX):
        with container.transaction() as session:
            span, missing = received_transfers.list_missing(session, now=container.now(), after=after)
        listed += missing
        if span is None or span.is_last:
            break
        after = span.last
    return listed

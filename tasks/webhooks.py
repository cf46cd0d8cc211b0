"""Deliver outgoing webhooks: write the messages, send those that are due, record the outcome of each."""

import functools
import random
from typing import Any, Final

import structlog
from celery.signals import worker_process_shutdown

from adapters import http_out
from auth.oauth.provider import Provider
from domain.actor import Actor
from domain.crash import crash_point
from services import event_log, webhooks_out
from services.leases import LeaseLost
from services.webhooks_out import Outgoing
from tasks.app import task
from tasks.couriers import Couriers
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

COURIERS: Final = 12
BATCHES_MAX: Final = 20


@task("webhooks.deliver")
def deliver(container: Container, by: Actor) -> int:
    """Write the messages of what happened since, and send those that are due. Returns how many were sent off."""
    write(container)
    return send_due(container, _couriers())


def write(container: Container) -> int:
    """Write the messages that events lead to, in the transaction that is done with those events. Returns how many."""
    written = 0
    for _ in range(BATCHES_MAX):
        with container.transaction() as session:
            now = container.now()
            batch = event_log.claim(session, webhooks_out.CONSUMER, owner=worker_name(), now=now)
            if batch is None:
                break
            written += webhooks_out.tell(session, batch.events, now=now)
            event_log.advance(session, batch, now=now)
    return written


def send_due(container: Container, couriers: Couriers) -> int:
    """Send as many of the due messages as there are free couriers, without waiting for any. Returns how many."""
    free = couriers.free
    if not free:
        return 0
    settings = container.settings
    box = Provider(settings.public_url, settings.secret_key.reveal()).box()
    with container.transaction() as session:
        due = webhooks_out.claim(
            session,
            slots=free,
            failing_slots=couriers.free_for_vain,
            owner=worker_name(),
            box=box,
            now=container.now(),
        )
    for outgoing in due:
        couriers.send(functools.partial(carry, container, outgoing), may_be_vain=outgoing.is_failing)
    return len(due)


def carry(container: Container, outgoing: Outgoing, **options: Any) -> None:
    """Send one message and record what came of it."""
    answer = http_out.post(
        outgoing.url,
        outgoing.headers,
        outgoing.body,
        allow_private=container.settings.webhook_private,
        **options,
    )
    crash_point("webhook.sent")
    try:
        with container.transaction() as session:
            webhooks_out.record(
                session,
                outgoing,
                status=answer.status,
                error=answer.error,
                excerpt=answer.excerpt,
                duration_ms=answer.duration_ms,
                is_taken=answer.is_taken,
                jitter=random.uniform(-1, 1),  # noqa: S311 - only spreads the load
                now=container.now(),
            )
    except LeaseLost:
        log.warning("lease_lost", delivery_id=str(outgoing.delivery_id))


@functools.cache
def _couriers() -> Couriers:
    """The couriers of this process, made after the fork."""
    return Couriers("webhooks", count=COURIERS)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _stop(**_: object) -> None:
    if _couriers.cache_info().currsize:
        _couriers().end()

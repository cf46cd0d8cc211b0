"""Process what providers posted: ask them about what it names, and believe only their answers."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from domain.actor import Actor
from domain.crash import crash_point
from domain.node_refusals import ChainError
from domain.provider_facts import SUBSCRIPTION, BadNotification
from domain.provider_ports import NotificationReader
from models.webhook import ReceivedNotification
from services import notifications_in, payouts
from tasks.app import task
from tasks.providers import collect_named
from tasks.reports import follow_provider, look_for_named
from tasks.rounds import visit
from tasks.runtime import worker_name
from wiring.container import Container

log = structlog.get_logger(__name__)

# A forger may name any number of keys; only this many are fetched in one turn.
KEYS_PER_TURN: Final = 20
TURNS_MAX: Final = 20


@task("notifications_in.process")
def process(container: Container, by: Actor) -> int:
    """Process everything that came in. Returns how many notifications."""
    errands = {name: partial(process_provider, container, name, by) for name in container.readers}
    return visit("notifications_in.process", errands)


def process_provider(container: Container, name: str, by: Actor) -> int:
    """Verify what waits for a key, then process what is verified. Returns how many notifications were processed."""
    _verify_waiting(container, name)
    acted = 0
    for _ in range(TURNS_MAX):
        with container.transaction() as session:
            rows = notifications_in.claim(session, name, verified=True, owner=worker_name(), now=container.now())
        if not rows:
            break
        acted += _act(container, name, rows, by)
    with container.transaction() as session:
        notifications_in.alert_refusals(session, name, now=container.now())
    return acted


def _act(container: Container, name: str, rows: Sequence[ReceivedNotification], by: Actor) -> int:
    try:
        outcomes = _outcomes(container, name, rows, by)
    except ChainError as error:
        log.warning("provider_unreadable", chain=name, code=error.code, reason=str(error))
        outcomes = None
    crash_point("notification.acted")
    with container.transaction() as session:
        if outcomes is None:
            notifications_in.postpone(session, rows, now=container.now())
            return 0
        notifications_in.settle(session, rows, outcomes, now=container.now())
        left = [row for row in rows if row.notification_id not in outcomes]
        notifications_in.postpone(session, left, now=container.now())
    return len(outcomes)


def _outcomes(container: Container, name: str, rows: Sequence[ReceivedNotification], by: Actor) -> dict[str, str]:
    """The outcome of each, by notification id; those that are missing have to be processed again."""
    provider = container.providers.get(name)
    outcomes = {row.notification_id: _confirmed(container, name, row) for row in rows if row.kind == SUBSCRIPTION}
    named = [row for row in rows if row.kind != SUBSCRIPTION and (row.resource_id or row.reference)]
    if provider is not None and named:
        ids = {row.resource_id for row in named} - {""}
        references = {row.reference for row in named} - {""}
        with container.transaction() as session:
            ours = payouts.hurry(session, name, provider_ids=ids, references=references, now=container.now())
        if ours:
            follow_provider(container, provider, by)
        look_for_named(container, provider, ids - ours, by)
        asked = collect_named(container, provider, sorted(ids - ours), by)
        outcomes |= {
            row.notification_id: "asked" for row in named if row.resource_id in asked | ours or not row.resource_id
        }
    else:
        named = []
    return outcomes | {row.notification_id: "" for row in rows if row not in named and row.kind != SUBSCRIPTION}


def _confirmed(container: Container, name: str, row: ReceivedNotification) -> str:
    """Confirm a subscription. One that can no longer be verified, as its secret was changed, is ignored."""
    reader = container.readers[name]
    try:
        reader.confirm(reader.read(row.topic, row.headers, row.body))
    except BadNotification:
        log.warning("subscription_unreadable", provider=name, notification_id=row.notification_id)
        return "unreadable"
    return "confirmed"


def _verify_waiting(container: Container, name: str) -> None:
    """Fetch the keys that notifications wait for, and sort the genuine ones from the forged."""
    with container.transaction() as session:
        rows = notifications_in.claim(session, name, verified=False, owner=worker_name(), now=container.now())
    if not rows:
        return
    reader = container.readers[name]
    keys: dict[str, bytes | None] = {}
    genuine: list[ReceivedNotification] = []
    forged: list[ReceivedNotification] = []
    later: list[ReceivedNotification] = []
    for row in rows:
        try:
            read = reader.read(row.topic, row.headers, row.body)
            if read.key_name not in keys and len(keys) >= KEYS_PER_TURN:
                later.append(row)
                continue
            if read.key_name not in keys:
                keys[read.key_name] = _key(container, name, reader, read.key_name)
        except BadNotification:
            forged.append(row)
            continue
        except ChainError as error:
            log.warning("notification_key_unreadable", provider=name, code=error.code, reason=str(error))
            later.append(row)
            continue
        found = keys[read.key_name]
        (genuine if found is not None and reader.verify(read, found) else forged).append(row)
    with container.transaction() as session:
        notifications_in.settle_verified(session, genuine, forged, now=container.now())
        notifications_in.postpone(session, later, now=container.now())


def _key(container: Container, provider: str, reader: NotificationReader, name: str) -> bytes | None:
    with container.reading() as session:
        known = notifications_in.key(session, provider, name)
    if known is not None:
        return known
    found = reader.fetch_key(name)
    if found is not None:
        with container.transaction() as session:
            notifications_in.keep_key(session, provider, name, found, now=container.now())
    return found

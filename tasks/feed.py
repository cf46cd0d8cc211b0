"""Tell browsers and apps what happened to their users' money: a hint to read again."""

from typing import Any, Final

from adapters import tracing
from adapters.bus import OPERATORS, Bus, scoped_room, user_room
from domain.actor import Actor
from services import event_log
from services.events import Event
from tasks.app import task
from tasks.runtime import worker_name
from wiring.container import Container

CONSUMER: Final = "feed"
BATCHES_MAX: Final = 20
_SCOPES: Final = {"deposit": "deposits:read", "withdrawal": "withdrawals:read", "flow": "wallet:read"}
# What operators are told of a movement that is not theirs: enough to know which line of the board to read again.
_SHORT: Final = ("flow_id", "short_id", "state", "from_state")


@task("feed.push")
def push(container: Container, by: Actor) -> int:
    """Tell everything that has happened since. Returns how many events were told."""
    return push_events(container)


def push_events(container: Container) -> int:
    """Send what follows the last place that was told.

    A browser that was not connected reads everything again anyway.
    """
    told = 0
    for _ in range(BATCHES_MAX):
        with container.transaction() as session:
            batch = event_log.claim(session, CONSUMER, owner=worker_name(), now=container.now())
        if batch is None:
            break
        for event in batch.events:
            # Logged under the id of the request that caused it, so that following it shows what people were told.
            caused_by = event.correlation_id or ""
            with tracing.span(f"tell {event.type}", "PRODUCER", strongroom__correlation_id=caused_by):
                tell(container.bus, event)
        with container.transaction() as session:
            event_log.advance(session, batch, now=container.now())
        told += len(batch.events)
    return told


def tell(bus: Bus, event: Event) -> None:
    """Send one event to whom it concerns, and to operators, under the name of what it is about and as `flow`."""
    if event.kind == "alert":
        bus.say("alert", _hint(event), [OPERATORS])
        return
    hint = _hint(event)
    names = (event.kind, "flow") if event.kind in _SCOPES else ("flow",)
    for name in names:
        rooms = [
            room
            for user_id in sorted(event.audience)
            for room in (user_room(user_id), scoped_room(user_id, _SCOPES[name]))
        ]
        if rooms:
            bus.say(name, hint, rooms)
    data = {name: event.data[name] for name in _SHORT}
    for name in names:
        bus.say(name, {**hint, "user_id": None, "data": data}, [OPERATORS])


def _hint(event: Event) -> dict[str, Any]:
    """The event as webhooks and streams have it, and which page shows it."""
    fragment = event.data["page"] if event.kind == "alert" else f"/flows/{event.data['short_id']}"
    return {**event.outside(), "fragment": fragment}

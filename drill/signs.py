"""What shows that a part of the house works: asked of it from outside, or read from its rows."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import httpx
from sqlalchemy import func, select

from domain.queues import QUEUES
from drill.house import House
from models.alert import OpsAlert
from models.chain import ChainCursor
from models.flow import Flow
from models.work import Heartbeat
from services import alerts

TIMEOUT_S: Final = 3.0
OK: Final = 200
Healed = Callable[[datetime], bool]


def beats(house: House, *queues: str) -> Healed:
    """Something came out at the end of each of these queues since; of all of them if none is named."""
    wanted = queues or QUEUES

    def healed(since: datetime) -> bool:
        with house.container.reading() as session:
            query = select(func.count()).where(Heartbeat.queue.in_(wanted), Heartbeat.ran_at > since)
            return session.scalar(query) == len(wanted)

    return healed


def web_answers(house: House) -> Healed:
    """The web process can do its work."""
    return lambda _: httpx.get(f"{house.url}/health", timeout=TIMEOUT_S).status_code == OK


def realtime_answers(house: House) -> Healed:
    """The realtime process lets a socket in."""
    origin = house.stack.settings.socket_origin
    query = {"EIO": "4", "transport": "polling"}
    return lambda _: httpx.get(f"{origin}/socket.io/", params=query, timeout=TIMEOUT_S).status_code == OK


def chain_is_read(house: House, chain: str, tip: Callable[[], str]) -> Healed:
    """The newest block of the chain is the one that its cursor stands on."""

    def healed(_: datetime) -> bool:
        with house.container.reading() as session:
            return session.scalar(select(ChainCursor.hash).where(ChainCursor.chain == chain)) == tip()

    return healed


def came_to_rest(house: House, *kinds: str, of: tuple[str, ...] = ()) -> Healed:
    """Every movement of these kinds, and of these assets if any are named, that was under way then is over."""

    def healed(since: datetime) -> bool:
        with house.container.reading() as session:
            query = select(func.count()).where(Flow.kind.in_(kinds), Flow.opened_at <= since, Flow.closed_at.is_(None))
            return session.scalar(query.where(Flow.asset_id.in_(of)) if of else query) == 0

    return healed


def every(*signs: Healed) -> Healed:
    """All of these at once."""
    return lambda since: all(sign(since) for sign in signs)


def raised_at(house: House, code: str, scope: str, since: datetime) -> datetime | None:
    """When an alert was first raised after this moment, of this scope if one is named."""
    with house.container.reading() as session:
        query = select(func.min(OpsAlert.recorded_at)).where(
            OpsAlert.alert_code == code, OpsAlert.status == "raised", OpsAlert.recorded_at >= since
        )
        return session.scalar(query.where(OpsAlert.service_scope == scope) if scope else query)


def stands(house: House, code: str, scope: str) -> bool:
    """Whether such an alert stands."""
    return any(one.startswith(f"{code} {scope}") for one in standing(house))


def standing(house: House) -> Sequence[str]:
    """Every alert that stands, as `code scope`."""
    with house.container.reading() as session:
        return [f"{alert.alert_code} {alert.service_scope}" for alert in alerts.standing(session)]

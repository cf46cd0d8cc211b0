"""Whether this process can do its work: for load balancers, supervisors and people."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple

import redis
import structlog
from flask import Blueprint, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.guards import public
from api.request_context import container
from api.schemas import json_answer, moment
from api.version import VERSION
from wiring.container import Container

# Long enough for a busy machine, short enough that a load balancer still gets its answer.
REDIS_TIMEOUT_S: Final = 0.5
DATABASE_TIMEOUT_MS: Final = 2000
CHAIN_STALE_AFTER: Final = timedelta(seconds=60)

_LOOKING: Final = text(
    """
    SELECT (SELECT max(evaluated_at) FROM alert_evaluations), (SELECT ends_at FROM alert_pauses WHERE ends_at > :now)
    """
)

blueprint = Blueprint("health", __name__)
log = structlog.get_logger(__name__)


@blueprint.get("/health/live")
@public
def live() -> Response:
    """This process answers. Says nothing of what it depends on."""
    return json_answer({"status": "alive", "version": VERSION})


@blueprint.get("/health")
@public
def health() -> Response:
    """What this process depends on, and how each of them is.

    503 only without the database: everything else may be away for a while and costs time, never money, so taking
    the process out of service would only make things worse. Such a state is called degraded.
    """
    parts = container()
    now = parts.now()
    chains, looking = _chains(parts, now)
    redis_is_up = redis_answers(parts)
    bitcoin_rpc = _summary(chains)
    well = chains is not None and redis_is_up and bitcoin_rpc != "disconnected" and looking.paused_until is None
    return json_answer(
        {
            "status": "unhealthy" if chains is None else "healthy" if well else "degraded",
            "version": VERSION,
            "bitcoin_rpc": bitcoin_rpc,
            "database": "disconnected" if chains is None else "connected",
            "redis": "connected" if redis_is_up else "disconnected",
            "chains": chains or {},
            "alerts_evaluated_at": moment(looking.evaluated_at),
            "alerts_paused_until": moment(looking.paused_until),
            "timestamp": moment(now),
        },
        status=503 if chains is None else 200,
    )


class Looking(NamedTuple):
    """When alerts were last looked for, and until when nobody is to.

    A watcher outside that sees the first stand still, or the second at all, knows that nobody would tell.
    """

    evaluated_at: datetime | None = None
    paused_until: datetime | None = None


def _chains(parts: Container, now: datetime) -> tuple[dict[str, dict[str, Any]] | None, Looking]:
    """How each configured chain's observer is, as its row says, or None when the database does not answer.

    And whether alerts are looked for.
    """
    try:
        with parts.transaction() as session:
            session.execute(text(f"SET LOCAL statement_timeout = {DATABASE_TIMEOUT_MS}"))
            rows = {
                row.chain: row
                for row in session.execute(
                    text("SELECT chain, height, polled_at, error, failing_since, paused_at FROM chain_cursors")
                )
            }
            looking = Looking(*session.execute(_LOOKING, {"now": now}).one())
    except SQLAlchemyError as fault:
        log.warning("health: the database does not answer", exc_info=fault)
        return None, Looking()
    return {rail.chain: _chain(rows.get(rail.chain), now) for rail in parts.settings.chains}, looking


def _chain(row: Any | None, now: datetime) -> dict[str, Any]:
    if row is None or row.polled_at is None:
        return {"status": "unknown", "height": None, "age_s": None, "error": None}
    age = now - row.polled_at
    if row.paused_at is not None:
        status = "paused"
    elif row.failing_since is not None or age > CHAIN_STALE_AFTER:
        status = "disconnected"
    else:
        status = "connected"
    return {"status": status, "height": row.height, "age_s": max(0, int(age.total_seconds())), "error": row.error}


def _summary(chains: dict[str, dict[str, Any]] | None) -> str:
    if chains is None:
        return "unknown"
    if not chains:
        return "not_configured"
    seen = {chain["status"] for chain in chains.values()}
    return "disconnected" if seen & {"disconnected", "unknown"} else "connected"


def redis_answers(parts: Container) -> bool:
    """Whether Redis answers a ping in time."""
    if parts.settings.redis_url is None:
        return False
    try:
        return bool(_redis_client(parts.settings.redis_database(0).reveal()).ping())
    except redis.RedisError:
        return False


@cache
def _redis_client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S, max_connections=4
    )

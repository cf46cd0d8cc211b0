"""Housekeeping: prove that queues are consumed, and drop what has expired."""

from auth import challenges, lnurl, sessions
from auth.oauth import forgetting
from domain.actor import Actor
from services import conversions, heartbeats, mail, traffic, webhooks_out
from tasks.app import task
from tasks.runtime import worker_name
from wiring.container import Container


@task("upkeep.heartbeat")
def heartbeat(container: Container, by: Actor, queue: str) -> None:
    """Record that this queue is consumed."""
    with container.transaction() as session:
        heartbeats.beat(session, queue, worker=worker_name(), now=container.now())


@task("upkeep.purge")
def purge(container: Container, by: Actor) -> None:
    """Drop sign-in challenges, sessions, codes, tokens and quotes that ended long ago, and old messages and sums."""
    with container.transaction() as session:
        challenges.forget_expired(session, now=container.now())
        lnurl.forget_expired(session, now=container.now())
        sessions.forget_ended(session, now=container.now())
        forgetting.forget_ended(session, now=container.now())
        webhooks_out.forget_old(session, now=container.now())
        mail.forget_old(session, now=container.now())
        traffic.forget_old(session, now=container.now())
        conversions.forget_unused(session, now=container.now())

"""Housekeeping: prove that queues are consumed, and drop what has expired."""

from datetime import datetime
from typing import Final, Protocol

from sqlalchemy.orm import Session

from auth import challenges, key_proofs, lnurl, sessions
from auth.oauth import forgetting
from domain.actor import Actor
from models import dropping
from services import conversions, heartbeats, mail, notifications_in, traffic, webhooks_out
from tasks.app import task
from tasks.batches import drop_all
from tasks.runtime import worker_name
from wiring.container import Container


class Forget(Protocol):
    """Something that nobody needs any more."""

    def __call__(self, session: Session, *, now: datetime) -> int:
        """Drop some of it, and say how many rows that were: fewer than are dropped at once when it was all."""


FORGETTING: Final[tuple[Forget, ...]] = (
    challenges.forget_expired,
    lnurl.forget_expired,
    key_proofs.forget_expired,
    sessions.forget_ended,
    forgetting.forget_ended,
    webhooks_out.forget_old,
    mail.forget_old,
    traffic.forget_old,
    conversions.forget_unused,
    notifications_in.forget_refusals,
)
"""What is kept for how long stands in docs/operations.md."""


@task("upkeep.heartbeat")
def heartbeat(container: Container, by: Actor, queue: str) -> None:
    """Record that this queue is consumed."""
    with container.transaction() as session:
        heartbeats.beat(session, queue, worker=worker_name(), now=container.now())


@task("upkeep.purge")
def purge(container: Container, by: Actor) -> int:
    """Drop what ended long ago: sign-ins, codes, tokens, quotes, messages, sums. Returns how many rows are gone."""
    return sum(_drop(container, forget) for forget in FORGETTING)


def _drop(container: Container, forget: Forget) -> int:
    def some(session: Session) -> tuple[int, int]:
        dropped = forget(session, now=container.now())
        return dropped, dropped

    return drop_all(container, some, batch=dropping.AT_ONCE)

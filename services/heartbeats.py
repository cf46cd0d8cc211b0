"""Proof that each queue is consumed: a task that goes in at one end and writes a row at the other."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.queues import QUEUES
from models.work import Heartbeat


def beat(session: Session, queue: str, *, worker: str, now: datetime) -> None:
    """Record that this worker has just consumed from this queue."""
    values = {"ran_at": now, "worker": worker}
    session.execute(
        insert(Heartbeat).values(queue=queue, **values).on_conflict_do_update(index_elements=["queue"], set_=values)
    )


def every(session: Session) -> Sequence[Heartbeat]:
    """The last beat of each existing queue, by name; queues of other versions are left out."""
    return session.scalars(select(Heartbeat).where(Heartbeat.queue.in_(QUEUES)).order_by(Heartbeat.queue)).all()


def never(beats: Sequence[Heartbeat]) -> list[str]:
    """The queues from which nothing has ever come, while others have beats: no worker consumes them.

    If no queue has a beat, the installation is new.
    """
    known = {beat.queue for beat in beats}
    return [queue for queue in QUEUES if known and queue not in known]

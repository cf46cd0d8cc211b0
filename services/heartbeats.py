"""Proof that each queue is consumed: a task that goes in at one end and writes a row at the other."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.work import Heartbeat


def beat(session: Session, queue: str, *, worker: str, now: datetime) -> None:
    """Record that this worker has just consumed from this queue."""
    values = {"ran_at": now, "worker": worker}
    session.execute(
        insert(Heartbeat).values(queue=queue, **values).on_conflict_do_update(index_elements=["queue"], set_=values)
    )


def every(session: Session) -> Sequence[Heartbeat]:
    """The last beat of each queue, by name."""
    return session.scalars(select(Heartbeat).order_by(Heartbeat.queue)).all()

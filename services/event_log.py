"""Read what happened in the order in which it was committed, and remember how far each consumer has come.

The append-only tables that transactions write anyway are the log; nothing else is written for consumers. A lower number
may be committed after a higher one. So every row says which transaction wrote it, and reading stops before the oldest
transaction that is still open: nothing can appear behind a reader. A long transaction that writes therefore delays
every consumer; none of ours is long.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.alert import OpsAlert
from models.asset import Asset
from models.consumer import Consumer
from models.conversion import Conversion
from models.deposit import Deposit, FundingObservation
from models.flow import Flow, FlowEvent
from models.withdrawal import Withdrawal
from services.events import ALERT, FLOW, FUNDING, SOURCES, Event, Position, shape
from services.leases import LEASE, LeaseLost

BATCH_MAX: Final = 500
BEGINNING: Final = Position(0, 0, 0)
# Below zero, so that a source is read from its first number on.
_ALL, _NONE = -1, 2**63 - 1

_SETTLED: Final = "log_settled_xid()"
# One statement, so that all sources are read up to the same moment.
_NEXT = text(
    f"""
    WITH settled AS MATERIALIZED (SELECT {_SETTLED} AS xid)
    SELECT xid, source, seq, key FROM (
        (SELECT xid, 0 AS source, seq, alert_event_id::text AS key FROM ops_alerts
         WHERE :of_alert AND (xid, seq) > (:xid, :alert) AND xid < (SELECT xid FROM settled)
         ORDER BY xid, seq LIMIT :limit)
        UNION ALL
        (SELECT xid, 1 AS source, id AS seq, id::text AS key FROM flow_events
         WHERE :of_flow AND (xid, id) > (:xid, :flow) AND xid < (SELECT xid FROM settled)
         ORDER BY flow_events.xid, flow_events.id LIMIT :limit)
        UNION ALL
        (SELECT xid, 2 AS source, seq, funding_observation_id::text AS key FROM funding_observations
         WHERE :of_funding AND (xid, seq) > (:xid, :funding) AND xid < (SELECT xid FROM settled)
         ORDER BY xid, seq LIMIT :limit)
    ) AS logged ORDER BY xid, source, seq LIMIT :limit
    """  # noqa: S608 - a constant
)


Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some events in order, for one consumer, under the lease of this generation.

    `keys` name the source and row of each. `events` is empty where only the keys were asked for.
    """

    consumer: str
    generation: int
    end: Position
    keys: Sequence[Key]
    events: Sequence[Event]


def claim(
    session: Session,
    consumer: str,
    *,
    owner: str,
    now: datetime,
    sources: Collection[str] = (ALERT, FLOW),
    start: Literal["beginning", "now"] = "now",
    limit: int = BATCH_MAX,
    lease: timedelta = LEASE,
    shaped: bool = True,
) -> Batch | None:
    """Take the next events for this consumer; None when there are none, or another process has the lease.

    With `shaped` false only the keys are read, which costs a twentieth. A new consumer begins at `start`.

    There are two ways to go on, both of which call `advance`: in this transaction, together with rows that the events
    lead to, so that each counts exactly once; or commit, tell the network, and advance in another transaction, so that
    each is told at least once.
    """
    place = _place(session, consumer, start=start, now=now)
    end, keys = _next(session, place, sources, limit)
    if not keys:
        return None
    row = session.scalars(
        select(Consumer)
        .where(Consumer.name == consumer)
        .where((Consumer.lease_until.is_(None)) | (Consumer.lease_until <= now))
        .where((Consumer.due_at.is_(None)) | (Consumer.due_at <= now))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None or _position(row) != place:
        return None
    row.lease_owner, row.lease_until = owner, now + lease
    row.lease_generation += 1
    row.attempts += 1
    session.flush()
    events = _events(session, keys) if shaped else ()
    return Batch(consumer, row.lease_generation, end, keys, events)


def advance(session: Session, batch: Batch, *, now: datetime, to: Position | None = None) -> None:
    """Finish a batch, or its events up to `to`, and let the next be claimed. Raises LeaseLost."""
    end = batch.end if to is None else to
    settled = session.execute(
        update(Consumer)
        .where(Consumer.name == batch.consumer, Consumer.lease_generation == batch.generation)
        .values(
            xid=end.xid,
            source=end.source,
            seq=end.seq,
            moved_at=now,
            lease_owner=None,
            lease_until=None,
            due_at=None,
            attempts=0,
        )
        .returning(Consumer.name)
        .execution_options(synchronize_session=False)
    )
    if settled.first() is None:
        raise LeaseLost


def read(session: Session, *, after: Position, sources: Collection[str], limit: int = BATCH_MAX) -> Sequence[Event]:
    """What follows a place in the log, for readers who keep their own place."""
    _, keys = _next(session, after, sources, limit)
    return _events(session, keys)


def present(session: Session) -> Position:
    """The place after everything settled: whatever is read from there on is new."""
    return Position(session.scalars(select(text(_SETTLED))).one(), 0, 0)


def slowest(session: Session) -> Position | None:
    """The place of the consumer that is furthest behind; None when there is no consumer."""
    query = select(Consumer).order_by(Consumer.xid, Consumer.source, Consumer.seq).limit(1)
    row = session.scalars(query).one_or_none()
    return None if row is None else _position(row)


def every(session: Session) -> Sequence[Consumer]:
    """All consumers, by name."""
    return session.scalars(select(Consumer).order_by(Consumer.name)).all()


def behind(session: Session, consumer: Consumer, *, sources: Collection[str] = (ALERT, FLOW)) -> datetime | None:
    """When the oldest event happened that this consumer has not finished; None when it has finished all."""
    events = read(session, after=_position(consumer), sources=sources, limit=1)
    return events[0].occurred_at if events else None


def _place(session: Session, name: str, *, start: Literal["beginning", "now"], now: datetime) -> Position:
    row = session.get(Consumer, name, populate_existing=True)
    if row is None:
        first = BEGINNING if start == "beginning" else present(session)
        values = {"name": name, "xid": first.xid, "source": first.source, "seq": first.seq, "moved_at": now}
        session.execute(insert(Consumer).values(values).on_conflict_do_nothing())
        row = session.get_one(Consumer, name)
    return _position(row)


def _position(row: Consumer) -> Position:
    return Position(row.xid, row.source, row.seq)


def _next(session: Session, after: Position, sources: Collection[str], limit: int) -> tuple[Position, Sequence[Key]]:
    """The source and key of each row that follows, and the place of the last."""
    parameters: dict[str, Any] = {"xid": after.xid, "limit": limit}
    for rank, source in enumerate(SOURCES):
        parameters[f"of_{source}"] = source in sources
        # Of the transaction at this place, sources of a lower rank are done, and those of a higher rank are still to
        # come.
        parameters[source] = after.seq if rank == after.source else _NONE if rank < after.source else _ALL
    rows = session.execute(_NEXT, parameters).all()
    end = Position(*rows[-1][:3]) if rows else after
    return end, [(SOURCES[row[1]], row[3]) for row in rows]


def _events(session: Session, keys: Sequence[Key]) -> Sequence[Event]:
    """Shape the rows of these keys, in their order."""
    named = {source: [key for of, key in keys if of == source] for source in SOURCES}
    decimals = dict(session.execute(select(Asset.asset_id, Asset.decimals)).all()) if keys else {}
    found = {
        ALERT: _alerts(session, named[ALERT]),
        FLOW: _steps(session, named[FLOW], decimals),
        FUNDING: _observations(session, named[FUNDING], decimals),
    }
    return [found[source][key] for source, key in keys]


def _alerts(session: Session, keys: Sequence[str]) -> dict[str, Event]:
    if not keys:
        return {}
    rows = session.scalars(select(OpsAlert).where(OpsAlert.alert_event_id.in_(map(UUID, keys))))
    return {str(row.alert_event_id): shape.of_alert(row) for row in rows}


def _steps(session: Session, keys: Sequence[str], decimals: dict[str, int]) -> dict[str, Event]:
    if not keys:
        return {}
    wanted = (
        select(FlowEvent, Flow).join(Flow, Flow.group_id == FlowEvent.group_id).where(FlowEvent.id.in_(map(int, keys)))
    )
    rows = session.execute(wanted).all()
    flow_ids = {flow.group_id for _, flow in rows}
    items: dict[UUID, UUID] = {}
    for model in (Deposit, Withdrawal, Conversion):
        items.update(session.execute(select(model.flow_id, model.id).where(model.flow_id.in_(flow_ids))).all())
    return {
        str(event.id): shape.of_flow(event, flow, decimals=decimals[flow.asset_id], item_id=items.get(flow.group_id))
        for event, flow in rows
    }


def _observations(session: Session, keys: Sequence[str], decimals: dict[str, int]) -> dict[str, Event]:
    if not keys:
        return {}
    wanted = select(FundingObservation).where(FundingObservation.funding_observation_id.in_(map(UUID, keys)))
    return {
        str(row.funding_observation_id): shape.of_funding(row, decimals=decimals[row.asset_id])
        for row in session.scalars(wanted)
    }

"""Record where each movement of money stands, in the transaction that moves it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Select, insert, select, text
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import StrongroomError, ensure
from domain.flows import FlowKind, move
from domain.ids import new_id, short_id
from models.deferred import Deferred
from models.flow import Flow, FlowEvent


class FlowNotFound(StrongroomError):
    """There is no such flow, or it is not yours to see."""

    code: ClassVar[str] = "flow_not_found"


@dataclass(frozen=True, slots=True)
class Opening:
    """A flow about to begin."""

    kind: FlowKind
    state: str
    user_id: UUID | None
    asset_id: str
    amount_minor: int
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """A flow about to move from one state to another."""

    flow_id: UUID
    kind: FlowKind
    from_state: str
    state: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def open_many(session: Session, openings: Sequence[Opening], *, now: datetime, by: Actor) -> list[UUID]:
    """Open flows and record their first event; returns the ids in the order of the openings."""
    if not openings:
        return []
    flow_ids = [new_id() for _ in openings]
    flows, events = [], []
    for flow_id, opening in zip(flow_ids, openings, strict=True):
        ensure(opening.state in opening.kind.initial, f"a {opening.kind.name} cannot begin as {opening.state}")
        flows.append(
            {
                "group_id": flow_id,
                "short_id": short_id(flow_id),
                "kind": opening.kind.name,
                "state": opening.state,
                "user_id": opening.user_id,
                "asset_id": opening.asset_id,
                "amount_minor": opening.amount_minor,
                "opened_at": now,
                "state_since": now,
                "closed_at": now if opening.kind.closed(opening.state) else None,
            }
        )
        events.append(_event(flow_id, None, opening.state, opening.detail, now=now, by=by))
    session.execute(insert(Flow), flows)
    session.execute(insert(FlowEvent), events)
    return flow_ids


# A request opens one flow and waits for every round trip: the flow and its events are one prepared statement.
_OPEN = Deferred(
    "flow_opened",
    "uuid, text, text, text, uuid, text, numeric, timestamptz, timestamptz, text, text, text[], text[], text[]",
    """
    WITH opened AS (
        INSERT INTO flows (group_id, short_id, kind, state, user_id, asset_id, amount_minor,
            opened_at, state_since, closed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)
    )
    INSERT INTO flow_events (group_id, from_state, state, at, actor, correlation_id, detail)
    SELECT $1, step.from_state, step.state, $8, $10, $11, step.detail::jsonb
    FROM unnest($12, $13, $14) WITH ORDINALITY AS step (from_state, state, detail, place) ORDER BY place
    """,
)


def open_one(session: Session, opening: Opening, *, now: datetime, by: Actor, then: str | None = None) -> UUID:
    """Open one flow; with `then`, move it on to that state at once. Raises WrongState."""
    kind, flow_id = opening.kind, new_id()
    ensure(opening.state in kind.initial, f"a {kind.name} cannot begin as {opening.state}")
    events: list[tuple[str | None, str, Mapping[str, Any]]] = [(None, opening.state, opening.detail)]
    state = opening.state
    if then is not None:
        state = move(kind, opening.state, then)
        events.append((opening.state, state, {}))
    from_states, states, details = zip(*events, strict=True)
    _OPEN.later(
        session,
        flow_id,
        short_id(flow_id),
        kind.name,
        state,
        opening.user_id,
        opening.asset_id,
        opening.amount_minor,
        now,
        now if kind.closed(state) else None,
        by.name,
        by.correlation_id,
        list(from_states),
        list(states),
        [json.dumps(dict(detail)) for detail in details],
    )
    return flow_id


_MOVE = text(
    """
    UPDATE flows SET state = step.state, state_since = :now,
           closed_at = CASE WHEN step.closed THEN CAST(:now AS timestamptz) END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:closed AS boolean[])) AS step(id, state, closed)
    WHERE flows.group_id = step.id
    """
)


def record_many(session: Session, steps: Sequence[Step], *, now: datetime, by: Actor) -> None:
    """Move flows along their state tables. Raises WrongState where a table does not allow it."""
    if not steps:
        return
    for step in steps:
        move(step.kind, step.from_state, step.state)
    session.execute(
        _MOVE,
        {
            "now": now,
            "ids": [str(step.flow_id) for step in steps],
            "states": [step.state for step in steps],
            "closed": [step.kind.closed(step.state) for step in steps],
        },
    )
    session.execute(
        insert(FlowEvent),
        [_event(step.flow_id, step.from_state, step.state, step.detail, now=now, by=by) for step in steps],
    )


def record(session: Session, step: Step, *, now: datetime, by: Actor) -> None:
    """Move one flow."""
    record_many(session, [step], now=now, by=by)


def note(session: Session, flow_id: UUID, state: str, detail: Mapping[str, Any], *, now: datetime, by: Actor) -> None:
    """Add an event to a flow that stays in its state: a first of two approvals, a reason to wait, a fee bump."""
    session.execute(insert(FlowEvent), [_event(flow_id, state, state, detail, now=now, by=by)])


def find(session: Session, reference: str, *, user_id: UUID | None) -> Flow:
    """The flow with this id or short id; with `user_id`, only if it is theirs. Raises FlowNotFound."""
    query = select(Flow)
    try:
        query = query.where(Flow.group_id == UUID(reference))
    except ValueError:
        query = query.where(Flow.short_id == reference)
    if user_id is not None:
        query = query.where(Flow.user_id == user_id)
    flow = session.scalars(query).one_or_none()
    if flow is None:
        raise FlowNotFound
    return flow


def newest(*, user_id: UUID | None, before: UUID | None, limit: int) -> Select[Flow]:
    """The query for a page of flows, newest first, older than `before`; all users' when `user_id` is None."""
    query = select(Flow).order_by(Flow.group_id.desc()).limit(limit)
    if user_id is not None:
        query = query.where(Flow.user_id == user_id)
    if before is not None:
        query = query.where(Flow.group_id < before)
    return query


# In one statement, so that an event that is being archived is seen in exactly one place.
_EVENTS = text("SELECT * FROM flow_events_kept WHERE group_id = :flow_id ORDER BY id")


def events_of(session: Session, flow_id: UUID) -> Sequence[FlowEvent]:
    """Every event of a flow, oldest first, archived ones included."""
    return session.scalars(select(FlowEvent).from_statement(_EVENTS), {"flow_id": flow_id}).all()


def _event(
    flow_id: UUID, from_state: str | None, state: str, detail: Mapping[str, Any], *, now: datetime, by: Actor
) -> dict[str, Any]:
    return {
        "group_id": flow_id,
        "from_state": from_state,
        "state": state,
        "at": now,
        "actor": by.name,
        "correlation_id": by.correlation_id,
        "detail": dict(detail),
    }

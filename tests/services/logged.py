"""Flows without a rail, since only their events matter."""

import itertools
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.flows import FLOW_KINDS
from models.asset import Asset
from models.flow import FlowEvent
from services import flows
from services.flows import Opening, Step
from wiring.container import Container

BY = Actor("test", correlation_id="c-1")
ASSET = "tST"


def add_asset(container: Container) -> None:
    """The asset of these flows, with eight decimals."""
    with container.transaction() as session:
        session.add(
            Asset(
                asset_id=ASSET, chain="test", symbol="tST", name="test coin", decimals=8, contract=None,
                minimum_deposit_minor=1, confirmation_tiers=[[None, 1]],
            )
        )  # fmt: skip


def opened(
    session: Session, container: Container, *, user_id: UUID | None = None, kind: str = "withdrawal", count: int = 1
) -> Sequence[UUID]:
    """Open flows of a kind in its first state."""
    made = FLOW_KINDS[kind]
    opening = Opening(made, made.initial[0], user_id, ASSET, 150_000_000, {"to": str(user_id)} if user_id else {})
    return flows.open_many(session, [opening] * count, now=container.now(), by=BY)


def moved(session: Session, container: Container, flow_id: UUID, *states: str, kind: str = "withdrawal") -> None:
    """Move a flow through these states."""
    made = FLOW_KINDS[kind]
    for before, after in itertools.pairwise(states):
        flows.record(session, Step(flow_id, made, before, after), now=container.now(), by=BY)


def ids(container: Container) -> list[int]:
    """The number of every event."""
    with container.reading() as session:
        return list(session.scalars(select(FlowEvent.id).order_by(FlowEvent.id)))

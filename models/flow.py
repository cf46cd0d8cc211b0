"""Flows: the state of each movement of money, and every step of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits
from models.consumer import WRITTEN_BY


class Flow(Base):
    """One movement of money and the state it is in now; the state tables are in domain/flows."""

    __tablename__ = "flows"
    __table_args__ = (
        Index("ix_flows_user_id_group_id", "user_id", "group_id"),
        Index("ix_flows_search", "asset_id", "kind", "state", "group_id"),
        Index("ix_flows_closed", "closed_at", "group_id", postgresql_where=text("closed_at IS NOT NULL")),
        # For a user's internal transfers of a day.
        Index(
            "ix_flows_transfers_made",
            "user_id",
            "asset_id",
            "opened_at",
            postgresql_where=text("kind = 'internal_transfer'"),
        ),
        Index("ix_flows_open", "kind", "state", "state_since", postgresql_where=text("closed_at IS NULL")),
    )

    group_id: Mapped[UUID] = mapped_column(primary_key=True)
    short_id: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    state: Mapped[str]
    user_id: Mapped[UUID | None]
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"))
    amount_minor: Mapped[int] = mapped_column(MinorUnits)
    opened_at: Mapped[datetime]
    state_since: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ReceivedTransfer(Base):
    """An internal transfer as its recipient finds it: the flow itself belongs to the sender."""

    __tablename__ = "received_transfers"
    __table_args__ = (Index("ix_received_transfers_flow_id", "flow_id"),)

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    flow_id: Mapped[UUID] = mapped_column(ForeignKey("flows.group_id"), primary_key=True)


class FlowEvent(Base):
    """One step of a flow, written in the transaction that it describes; append-only by trigger."""

    __tablename__ = "flow_events"
    __table_args__ = (
        Index("ix_flow_events_group_id_id", "group_id", "id"),
        Index("ix_flow_events_xid_id", "xid", "id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    group_id: Mapped[UUID] = mapped_column(ForeignKey("flows.group_id"))
    from_state: Mapped[str | None]
    state: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    correlation_id: Mapped[str | None]
    detail: Mapped[dict[str, Any]]
    xid: Mapped[int] = mapped_column(server_default=text(WRITTEN_BY))

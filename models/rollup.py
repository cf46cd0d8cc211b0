"""Sums of flow moves by hour and minute, for the operator's dashboard."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, MinorUnits


class FlowRollup(Base):
    """How often flows of a kind made a move within one hour, their amounts, and how long they had waited.

    The rail is the asset's chain. `from_state` is empty for a flow's beginning. `waited` is the bucket of the wait (see
    services/rollups/buckets.py), or -1 for a beginning.
    """

    __tablename__ = "flow_rollups"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    asset_id: Mapped[str] = mapped_column(primary_key=True)
    from_state: Mapped[str] = mapped_column(primary_key=True)
    to_state: Mapped[str] = mapped_column(primary_key=True)
    waited: Mapped[int] = mapped_column(primary_key=True)
    move_count: Mapped[int]
    amount_minor: Mapped[int] = mapped_column(MinorUnits)


class FlowStock(Base):
    """How many flows of a kind are in a state, and their amounts, as of the last move that was counted."""

    __tablename__ = "flow_stocks"

    kind: Mapped[str] = mapped_column(primary_key=True)
    asset_id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    flow_count: Mapped[int]
    amount_minor: Mapped[int] = mapped_column(MinorUnits)


class FlowMinute(Base):
    """How often flows of a kind made a move within one minute, and how long they had waited; kept for two hours.

    `from_state` and `waited` are as in FlowRollup.
    """

    __tablename__ = "flow_minutes"

    minute: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    from_state: Mapped[str] = mapped_column(primary_key=True)
    to_state: Mapped[str] = mapped_column(primary_key=True)
    waited: Mapped[int] = mapped_column(primary_key=True)
    move_count: Mapped[int]

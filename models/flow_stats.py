"""How long each state of each kind of flow usually lasts."""

from datetime import datetime

from sqlalchemy import Double
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class FlowStepStats(Base):
    """Percentiles of how long recent flows of this kind stayed in this state, in seconds."""

    __tablename__ = "flow_step_stats"

    kind: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    step_count: Mapped[int]
    p50_s: Mapped[float] = mapped_column(Double)
    p90_s: Mapped[float] = mapped_column(Double)
    p99_s: Mapped[float] = mapped_column(Double)
    measured_at: Mapped[datetime]

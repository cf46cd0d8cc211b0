"""What is wrong now, what was lately, and whether somebody looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.alert import OpsAlert
from models.alert_state import AlertEvaluation, AlertSilence
from services import alerts
from services.alerts import handling

CLEARED_MAX: Final = 50
STALLED_AFTER: Final = timedelta(seconds=60)
"""The quickest rules are looked at four times in this."""


@dataclass(frozen=True, slots=True)
class Sentinel:
    """Alerts that stand and those that ended last, newest first; when each rule was looked at; what is silenced."""

    active: Sequence[OpsAlert]
    cleared: Sequence[OpsAlert]
    evaluations: Mapping[str, AlertEvaluation]
    silences: Sequence[AlertSilence]

    @property
    def evaluated_at(self) -> datetime | None:
        """When a rule was looked at last; None before the first time."""
        return max((row.evaluated_at for row in self.evaluations.values()), default=None)

    def has_stalled(self, now: datetime) -> bool:
        """Whether no rule was looked at for a while: nobody would notice anything now."""
        return self.evaluated_at is None or now - self.evaluated_at > STALLED_AFTER


def sentinel(session: Session, *, now: datetime) -> Sentinel:
    """Read it."""
    cleared = session.scalars(
        select(OpsAlert)
        .where(OpsAlert.status == "cleared")
        .order_by(OpsAlert.xid.desc(), OpsAlert.seq.desc())
        .limit(CLEARED_MAX)
    ).all()
    return Sentinel(
        alerts.standing(session), cleared, handling.evaluations(session), handling.in_force(session, now=now)
    )

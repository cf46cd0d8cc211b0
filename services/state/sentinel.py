"""Which alerts stand, which ended lately, and whether rules are being evaluated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.alert import OpsAlert
from models.alert_state import AlertEvaluation, AlertPause, AlertSilence
from services import alerts
from services.alerts import handling, pausing

CLEARED_MAX: Final = 50
STALLED_AFTER: Final = timedelta(seconds=60)
"""The most frequent rules are evaluated four times within this."""


@dataclass(frozen=True, slots=True)
class Sentinel:
    """Alerts that stand and those that ended last, newest first; when each rule was evaluated; what is silenced.

    `looked_at` is when each alert, by its fingerprint, was last evaluated: its rule may have been evaluated on another
    host meanwhile. Alerts raised where the condition is noticed are not among them. `pause` is the pause in force.
    """

    active: Sequence[OpsAlert]
    cleared: Sequence[OpsAlert]
    evaluations: Mapping[str, AlertEvaluation]
    looked_at: Mapping[str, datetime]
    silences: Sequence[AlertSilence]
    pause: AlertPause | None

    @property
    def evaluated_at(self) -> datetime | None:
        """When a rule was last evaluated; None before the first time."""
        return max((row.evaluated_at for row in self.evaluations.values()), default=None)

    def last_evaluated_at(self, row: OpsAlert) -> datetime:
        """When this alert was last known to stand: at the last evaluation, or when it was raised if it has none."""
        return max(self.looked_at.get(row.fingerprint, row.recorded_at), row.recorded_at)

    def has_stalled(self, now: datetime) -> bool:
        """Whether no rule was evaluated for a while: nobody would notice anything now."""
        return self.evaluated_at is None or now - self.evaluated_at > STALLED_AFTER


def looked(session: Session) -> datetime | None:
    """When any rule was last evaluated; None before the first time."""
    return session.execute(select(func.max(AlertEvaluation.evaluated_at))).scalar_one()


def sentinel(session: Session, *, now: datetime) -> Sentinel:
    """Read it."""
    cleared = session.scalars(
        select(OpsAlert)
        .where(OpsAlert.status == "cleared")
        .order_by(OpsAlert.xid.desc(), OpsAlert.seq.desc())
        .limit(CLEARED_MAX)
    ).all()
    return Sentinel(
        active=alerts.standing(session),
        cleared=cleared,
        evaluations=handling.evaluations(session),
        looked_at=handling.looked_at(session),
        silences=handling.in_force(session, now=now),
        pause=pausing.current(session, now=now),
    )

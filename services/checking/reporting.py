"""Raise the alert that a ledger invariant is broken, and end it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.check import CheckRound
from services import alerts
from services.invariants import FINDINGS_MAX, Finding

BROKEN: Final = "ledger_invariant_broken"
SCOPE: Final = "ledger:books"


def report(session: Session, findings: Sequence[Finding], *, now: datetime) -> None:
    """Raise the alert if there are findings, and count them for the round under way, if there is one."""
    if findings:
        # The findings may be in a part that the round has passed. Its row is locked first, as a round does.
        session.execute(
            update(CheckRound)
            .where(CheckRound.part.is_not(None))
            .values(finding_count=CheckRound.finding_count + len(findings))
            .execution_options(synchronize_session=False)
        )
        details = {"findings": [str(finding) for finding in findings[:FINDINGS_MAX]]}
        alerts.raise_alert(
            session, BROKEN, scope=SCOPE, severity="critical", reason=str(findings[0]), now=now, details=details
        )


def clear_alert(session: Session, *, since: datetime, now: datetime) -> bool:
    """End the alert after a whole round that began at `since` and found nothing; True when it stood.

    An alert raised since then may be about a part that had been checked before: it stays.
    """
    raised_at = alerts.standing_since(session, BROKEN, scope=SCOPE)
    if raised_at is None or raised_at > since:
        return False
    return alerts.clear(session, BROKEN, scope=SCOPE, now=now, reason="a check of everything found nothing")

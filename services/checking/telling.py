"""Say that the books are broken, and that they are whole again."""

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


def tell(session: Session, findings: Sequence[Finding], *, now: datetime) -> None:
    """Raise the alert if there is something to tell of, and count it for the round that is under way, if one is."""
    if findings:
        # It may be about what the round has passed. Its row first: a round takes it before it looks at the alert.
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


def all_is_well(session: Session, *, since: datetime, now: datetime) -> bool:
    """End the alert, after a walk through everything that began at `since` and found nothing; True when it stood.

    What was raised later may be about a part that had been walked through by then: it stays.
    """
    raised_at = alerts.standing_since(session, BROKEN, scope=SCOPE)
    if raised_at is None or raised_at > since:
        return False
    return alerts.clear(session, BROKEN, scope=SCOPE, now=now, reason="a check of everything found nothing")

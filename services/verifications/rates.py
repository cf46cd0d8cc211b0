"""The rate at which claims are rejected, and its alert: a provider that changed its answers shows here first."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.verification import PaymentVerification
from services import alerts

WINDOW = timedelta(hours=1)
FAILED_MAX_PERCENT = 10
DECIDED_MIN = 20
"""Fewer than this say nothing about a rate."""
CODE = "verification_failure_rate"


def failure_rate(session: Session, chain: str, *, since: datetime) -> tuple[int, int]:
    """How many claims of a chain were decided since then, and how many of those were rejected."""
    total, failed = session.execute(
        select(func.count(), func.count().filter(PaymentVerification.state == "rejected")).where(
            PaymentVerification.chain == chain, PaymentVerification.decided_at >= since
        )
    ).one()
    return total, failed


def judge_failure_rate(session: Session, chain: str, *, now: datetime) -> None:
    """Raise the alert when more than a tenth of the last hour's claims failed; clear it when it is fewer again."""
    total, failed = failure_rate(session, chain, since=now - WINDOW)
    if total < DECIDED_MIN:
        return
    scope = f"chain:{chain}"
    told = f"{failed} of {total} claimed payments were rejected within an hour"
    if 100 * failed > FAILED_MAX_PERCENT * total:
        details = {"decided": total, "rejected": failed}
        alerts.raise_alert(session, CODE, scope=scope, severity="warning", reason=told, now=now, details=details)
    else:
        alerts.clear(session, CODE, scope=scope, now=now, reason=told)

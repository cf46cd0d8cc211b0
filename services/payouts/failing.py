"""Close a payout that is proved impossible, and give the funds back."""

from datetime import datetime

from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from models.payout import Payout
from services import alerts, leases
from services.payouts.reading import advance
from services.withdrawals import returns
from services.withdrawals.policy import give_back_system_day
from services.withdrawals.releasing import release_holds


def fail(session: Session, payout: Payout, *, now: datetime, by: Actor) -> None:
    """Fail a payout whose `conflicted_by` names the final transaction that took its inputs."""
    ensure(payout.conflicted_by is not None, "a payout fails only on proof")
    carried = advance(session, payout, "failed", {"conflicted_by": payout.conflicted_by}, now=now, by=by)
    release_holds(session, carried, reason="failed", now=now)
    returns.put_back(session, carried, now=now, by=by)
    for withdrawal in carried:
        give_back_system_day(session, withdrawal)
        withdrawal.waiting_reason = None
    leases.settle(payout)
    payout.reason = "conflicted"
    alerts.clear(session, "withdrawal_uncertain", scope=f"payout:{payout.id}", now=now, reason="proved failed")

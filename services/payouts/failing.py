"""Close a payout that is proved impossible, and release its funds."""

from datetime import datetime

from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.errors import ensure
from domain.providers import PROVIDERS
from models.payout import Payout
from services import alerts, leases
from services.payouts.looking_again import look_again
from services.payouts.reading import advance
from services.withdrawals import returns
from services.withdrawals.policy import give_back_system_day
from services.withdrawals.releasing import release_holds


def fail(session: Session, payout: Payout, *, now: datetime, by: Actor) -> None:
    """Fail a payout on the proof that it carries.

    Either `conflicted_by` names the final transaction that took its inputs, or `void_because` says why it pays nobody:
    it is in a final block and reverted, a form of it that cancels is, a provider's final word is no, or two operators
    say that it was never made and the provider shows nothing like it.
    """
    ensure(payout.conflicted_by is not None or payout.void_because is not None, "a payout fails only on proof")
    proof = {"void_because": payout.void_because} if payout.void_because else {"conflicted_by": payout.conflicted_by}
    if payout.void_because == "refused" and payout.reason:
        proof["reason"] = payout.reason
    carried = advance(session, payout, "failed", proof, now=now, by=by)
    returned = returns.locked_deposits(session, carried)
    release_holds(session, carried, reason="failed", now=now)
    returns.put_back(session, returned, now=now, by=by)
    for withdrawal in carried:
        give_back_system_day(session, withdrawal)
        withdrawal.waiting_reason = None
    if payout.chain in PROVIDERS:
        # Blocks prove it for good; a provider may yet say something else.
        look_again(payout, now)
    else:
        leases.settle(payout)
    if payout.void_because != "refused":
        payout.reason = payout.void_because or "conflicted"
    alerts.clear(session, "withdrawal_uncertain", scope=f"payout:{payout.id}", now=now, reason="proved failed")

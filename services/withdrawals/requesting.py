"""Ask for a withdrawal, and take the request back."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from domain.actor import Actor
from domain.crash import crash_point
from domain.errors import ensure
from domain.flows import WITHDRAWAL, WrongState, move
from domain.ledger import InsufficientFunds
from domain.money import format_amount
from models.deferred import Deferred
from models.withdrawal import Withdrawal
from services import alerts, audit, flows, ledger, outbox, spending
from services.withdrawals import policy as rules
from services.withdrawals import returns
from services.withdrawals.drafting import drafted, hold_of
from services.withdrawals.reading import locked
from services.withdrawals.releasing import release_holds
from services.withdrawals.terms import Terms, read


def request(
    session: Session,
    *,
    user_id: UUID,
    asset_id: str,
    amount_minor: int,
    destination: str,
    now: datetime,
    by: Actor,
    terms: Terms | None = None,
    beneficiary_name: object = None,
) -> Withdrawal:
    """Hold the amount and its fee, and let the withdrawal begin: waiting for approval, or approved under the policy.

    Its row is written with the commit; what comes back is a copy of it. `terms` are those of this user and asset, if
    the caller has read them in this transaction; `beneficiary_name` is whoever is paid, if a provider has to be told.
    Raises UnknownAsset, InsufficientFunds, SpendingLimitExceeded (for an app), InvalidBeneficiary, and whatever
    services/withdrawals/policy.py refuses.
    """
    terms = terms or read(session, user_id=user_id, asset_id=asset_id)
    asset, policy = terms.asset, terms.policy
    spelled = rules.check_request(
        session, terms, user_id=user_id, destination=destination, amount_minor=amount_minor, now=now
    )
    withdrawal = drafted(
        terms,
        user_id=user_id,
        amount_minor=amount_minor,
        destination=spelled,
        beneficiary_name=beneficiary_name,
        now=now,
    )
    asked = {"destination": spelled, "approvals_needed": withdrawal.approvals_needed}
    opening = flows.Opening(WITHDRAWAL, "requested", user_id, asset_id, amount_minor, asked)
    withdrawal.flow_id = flows.open_one(session, opening, now=now, by=by, then=withdrawal.state)
    _hold(session, terms, withdrawal)
    rules.check_user_limit(session, asset, policy, user_id=user_id, amount_minor=amount_minor, now=now)
    spent_minor = amount_minor + policy.fee_minor
    spending.count(session, asset, flow_id=withdrawal.flow_id, amount_minor=spent_minor, now=now, by=by)
    _write(session, withdrawal)
    audit.record(session, "withdrawal.requested", by=by, now=now, detail={"withdrawal_id": str(withdrawal.id)})
    if withdrawal.approvals_needed == 0:
        outbox.promise(session, "withdrawals.pay", now=now)
    rules.check_system_limit(session, asset, policy, amount_minor=amount_minor, now=now)
    crash_point("withdrawal.requested")
    return withdrawal


def cancel(session: Session, withdrawal_id: UUID, *, user_id: UUID, now: datetime, by: Actor) -> Withdrawal:
    """Give the funds back while nothing was signed. Raises WithdrawalNotFound, NotThisAppsDoing, WrongState."""
    withdrawal = locked(session, withdrawal_id, user_id=user_id)
    spending.check_own(session, withdrawal.flow_id, by=by)
    if returns.is_return(session, withdrawal_id):
        raise WrongState("this withdrawal pays back a deposit that was set aside; only an operator can stop it")
    before = withdrawal.state
    withdrawal.state = move(WITHDRAWAL, before, "cancelled")
    withdrawal.state_changed_at = withdrawal.closed_at = now
    withdrawal.waiting_reason = None
    alerts.clear(session, "withdrawal_waits", scope=f"withdrawal:{withdrawal.id}", now=now, reason="cancelled")
    release_holds(session, [withdrawal], reason="cancelled", now=now)
    rules.give_back_system_day(session, withdrawal)
    flows.record(session, flows.Step(withdrawal.flow_id, WITHDRAWAL, before, "cancelled"), now=now, by=by)
    audit.record(session, "withdrawal.cancelled", by=by, now=now, detail={"withdrawal_id": str(withdrawal.id)})
    return withdrawal


# Its result is known beforehand, so it need not be waited for.
_WRITE = Deferred(
    "withdrawal_requested",
    "uuid, uuid, text, text, text, numeric, numeric, text, bigint, bigint, bigint, timestamptz, uuid, boolean, text",
    """
    INSERT INTO withdrawals (id, user_id, asset_id, chain, destination, amount_minor, fee_minor, state,
        approvals_needed, amount_hold_id, fee_hold_id, requested_at, state_changed_at, flow_id, is_counted,
        beneficiary_name)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14, $15)
    """,
)


def _write(session: Session, withdrawal: Withdrawal) -> None:
    _WRITE.later(
        session,
        withdrawal.id,
        withdrawal.user_id,
        withdrawal.asset_id,
        withdrawal.chain,
        withdrawal.destination,
        withdrawal.amount_minor,
        withdrawal.fee_minor,
        withdrawal.state,
        withdrawal.approvals_needed,
        withdrawal.amount_hold_id,
        withdrawal.fee_hold_id,
        withdrawal.requested_at,
        withdrawal.flow_id,
        withdrawal.is_counted,
        withdrawal.beneficiary_name,
    )


def _hold(session: Session, terms: Terms, withdrawal: Withdrawal) -> None:
    [outcome] = ledger.post(session, [hold_of(terms, withdrawal)])
    if outcome.refused == "insufficient_funds":
        asset = terms.asset
        total = format_amount(withdrawal.amount_minor + withdrawal.fee_minor, asset.decimals)
        reason = f"with its fee this takes {total} {asset.symbol}, which is more than is available"
        raise InsufficientFunds(f"amount: {reason}", fields={"amount": [reason]})
    ensure(outcome.refused is None, f"the ledger refused a hold: {outcome.refused}")
    withdrawal.amount_hold_id = outcome.transfer_ids[0]
    withdrawal.fee_hold_id = outcome.transfer_ids[1] if withdrawal.fee_minor else None

"""A withdrawal as its request makes it, before anything is written."""

from datetime import datetime
from uuid import UUID

from domain.beneficiaries import beneficiary_of
from domain.flows import WITHDRAWAL, move
from domain.ids import new_id
from domain.ledger import Hold, Transaction
from models.withdrawal import Withdrawal
from services.withdrawals import policy as rules
from services.withdrawals.terms import Terms


def drafted(
    terms: Terms, *, user_id: UUID, amount_minor: int, destination: str, beneficiary_name: object, now: datetime
) -> Withdrawal:
    """A withdrawal without a flow and without holds: waiting for approval, or approved under the policy.

    `destination` is in its canonical spelling. Raises InvalidBeneficiary.
    """
    asset, policy = terms.asset, terms.policy
    needed = rules.approvals_needed(policy, amount_minor)
    return Withdrawal(
        id=new_id(),
        user_id=user_id,
        asset_id=asset.asset_id,
        chain=asset.chain,
        destination=destination,
        beneficiary_name=beneficiary_of(
            rules.rail_of(asset), beneficiary_name, destination=destination, asset_id=asset.asset_id
        ),
        amount_minor=amount_minor,
        fee_minor=policy.fee_minor,
        state=move(WITHDRAWAL, "requested", "approved" if needed == 0 else "pending_approval"),
        approvals_needed=needed,
        requested_at=now,
        is_counted=rules.is_limited(policy),
        state_changed_at=now,
        lease_generation=0,
        attempts=0,
    )


def hold_of(terms: Terms, withdrawal: Withdrawal) -> Transaction:
    """What holds the amount and the fee of a withdrawal that has a flow."""
    owner = terms.owner_account
    legs = [Hold(owner, terms.hot_wallet_account, withdrawal.amount_minor)]
    if withdrawal.fee_minor:
        legs.append(Hold(owner, terms.fees_account, withdrawal.fee_minor))
    return Transaction(
        key=f"withdrawal:{withdrawal.id}:hold",
        kind="withdrawal_hold",
        legs=tuple(legs),
        flow_id=withdrawal.flow_id,
        effective_at=withdrawal.requested_at,
    )

"""What may be done about a flow now, by whom, and what each thing leads to."""

from typing import Final

from api.pages.shapes import Action
from auth.sessions import Principal
from domain.rails import RAILS
from models.withdrawal import Withdrawal
from services.evidence import Evidence

_CANCELLABLE: Final = ("pending_approval", "approved")
_BUMPABLE: Final = ("broadcast",)
_REPLACEABLE: Final = ("broadcast", "uncertain")


def possible(found: Evidence, caller: Principal) -> tuple[Action, ...]:
    """The actions open to this caller; empty for flows that take care of themselves."""
    withdrawal = found.withdrawal
    if withdrawal is None:
        return ()
    actions: list[Action] = []
    if withdrawal.user_id == caller.user_id:
        actions += _owner(found.flow.short_id, withdrawal)
    elif "approver" in caller.roles:
        actions += _decisions(found, withdrawal, caller)
    if "approver" in caller.roles:
        actions += _resolutions(found, withdrawal)
    return tuple(actions)


def _owner(short_id: str, withdrawal: Withdrawal) -> list[Action]:
    if withdrawal.state not in _CANCELLABLE:
        return []
    consequence = "Nothing is signed yet: you can still take it back. The held funds are available again at once."
    return [Action(f"/flows/{short_id}/cancel", "Cancel this withdrawal", consequence, quiet=True)]


def _decisions(found: Evidence, withdrawal: Withdrawal, caller: Principal) -> list[Action]:
    base = f"/operator/withdrawals/{withdrawal.id}"
    actions = []
    has_approved = any(row.approver_id == caller.user_id for row in found.approvals)
    if withdrawal.state == "pending_approval" and not has_approved:
        left = withdrawal.approvals_needed - len(found.approvals)
        consequence = (
            "It is signed and sent at once."
            if left <= 1
            else "One more operator has to agree before it is signed and sent."
        )
        actions.append(Action(f"{base}/approve", "Approve", consequence))
    if withdrawal.state in _CANCELLABLE:
        consequence = "Ends it. The held funds are its owner's again, who sees the reason."
        actions.append(Action(f"{base}/reject", "Reject", consequence, grave=True, typed=True, reason=True))
    return actions


def _resolutions(found: Evidence, withdrawal: Withdrawal) -> list[Action]:
    path = f"/operator/withdrawals/{withdrawal.id}/resolve"
    actions = []
    if withdrawal.state in {"signed", "broadcast", "uncertain"}:
        consequence = "Offers the very same bytes to the network again and looks for them. It cannot pay twice."
        actions.append(Action(path, "Send again", consequence, value="retry"))
    if withdrawal.state in _BUMPABLE:
        consequence = (
            "Replaces it by a payment of the same inputs and receivers with a higher network fee, within the cap."
        )
        actions.append(Action(path, "Raise the network fee", consequence, value="bump"))
    if withdrawal.state in _REPLACEABLE and found.payout is not None and RAILS[found.payout.chain].has_accounts:
        consequence = (
            "Replaces it by a payment of nothing to ourselves. A block decides which of the two is first: only if this "
            "one is, the held funds are its owner's again."
        )
        actions.append(Action(path, "Cancel the payment", consequence, quiet=True, value="cancel"))
    if withdrawal.state == "uncertain" and found.payout is not None and found.payout.conflicted_by is not None:
        consequence = (
            "The chain holds another transaction that spends the same coins, so this can never be paid. "
            "The held funds are its owner's again."
        )
        actions.append(Action(path, "Give it up as failed", consequence, grave=True, typed=True, value="give_up"))
    return actions

"""The actions on a flow that are possible now, for whom, and their consequences."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from api.pages.flow_shapes import Action
from auth.sessions import Principal
from domain.providers import PROVIDERS
from domain.rails import RAILS
from models.replenishment import Replenishment
from models.verification import PaymentVerification
from models.withdrawal import Withdrawal
from services import replenishments
from services.evidence import Evidence

_CANCELLABLE: Final = ("pending_approval", "approved")
_BUMPABLE: Final = ("broadcast",)
_REPLACEABLE: Final = ("broadcast", "uncertain")


def possible(found: Evidence, caller: Principal) -> tuple[Action, ...]:
    """The actions open to this caller; empty for flows that need none."""
    withdrawal, may_decide = found.withdrawal, "approver" in caller.roles
    actions: list[Action] = []
    if withdrawal is not None and withdrawal.user_id == caller.user_id:
        # The recipient of a returned deposit did not request it and cannot cancel it.
        actions += [] if found.is_return else _owner(found.flow.short_id, withdrawal)
    elif withdrawal is not None and may_decide:
        actions += _decisions(found, withdrawal, caller)
    if not may_decide:
        return tuple(actions)
    if withdrawal is not None:
        actions += _resolutions(found, f"/operator/withdrawals/{withdrawal.id}/resolve")
        if withdrawal.user_id != caller.user_id:
            actions += _sayings(found, f"/operator/withdrawals/{withdrawal.id}/resolve", caller)
    if found.sweep is not None:
        actions += _resolutions(found, f"/operator/sweeps/{found.sweep.id}/resolve")
    if found.replenishment is not None:
        actions += _funding(found.replenishment)
    if found.verification is not None:
        actions += _claim(found.verification)
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


def _resolutions(found: Evidence, path: str) -> list[Action]:
    """The actions on a signed payment, in any state."""
    payout = found.payout
    if payout is None:
        return []
    actions = []
    if payout.state in {"signed", "broadcast", "uncertain"}:
        label, consequence = _RETRIES[payout.chain in PROVIDERS]
        actions.append(Action(path, label, consequence, value="retry"))
    if payout.state in _BUMPABLE:
        consequence = (
            "Replaces it by a payment of the same inputs and receivers with a higher network fee, within the cap."
        )
        actions.append(Action(path, "Raise the network fee", consequence, value="bump"))
    rest = _REST[found.flow.kind]
    if payout.state in _REPLACEABLE and RAILS[payout.chain].has_accounts:
        consequence = (
            "Replaces it with an empty payment to ourselves. A block decides which of the two is first: only if this "
            f"one is, {rest}"
        )
        actions.append(Action(path, "Cancel the payment", consequence, quiet=True, value="cancel"))
    if payout.state == "uncertain" and payout.conflicted_by is not None:
        consequence = (
            "The chain holds another transaction that spends the same coins, so this can never be paid once that one "
            f"is final; before, this is refused. {rest[0].upper()}{rest[1:]}"
        )
        actions.append(Action(path, "Give it up as failed", consequence, grave=True, typed=True, value="give_up"))
    if found.came_back is not None and found.came_back.retracted_at is None and found.came_back.booked_at is None:
        consequence = (
            "Its provider says that the money is back with us. Its owner has the amount and the fee again, by a "
            "reversal, once. Look into the provider's dashboard first."
        )
        actions.append(Action(path, "Book the return", consequence, grave=True, typed=True, value="book_return"))
    return actions + _bearing(found, path)


def _bearing(found: Evidence, path: str) -> list[Action]:
    """The actions on a payment that had failed and was made after all."""
    made = found.made
    if made is None:
        return []
    if made.settled_at is not None:
        consequence = "Its provider says that the money is back with us. How it was settled is undone, once."
        came_back = Action(path, "Book the return", consequence, grave=True, typed=True, value="book_return")
        return [came_back] if made.said == "failed" else []
    if made.said != "completed":
        return []
    recovering = (
        "Takes the amount and the fee from the balance of its owner, who has had them back and was paid all the same. "
        "Refused where the balance is less. Look into the provider's dashboard, and tell its owner, first."
    )
    losing = (
        "Suspense carries the amount, and you propose to book it as an expense of the house. Another operator agrees, "
        "or refuses, on the page of losses."
    )
    return [
        Action(path, "Recover it from its owner", recovering, grave=True, typed=True, value="recover"),
        Action(path, "Book it as lost", losing, grave=True, typed=True, value="book_as_lost"),
    ]


def _sayings(found: Evidence, path: str, caller: Principal) -> list[Action]:
    """The assertions that are possible on a payment unknown to its provider."""
    payout, said = found.payout, found.said
    if payout is None or payout.state != "uncertain" or payout.provider_id is not None or payout.chain not in PROVIDERS:
        return []
    consequence = (
        "The provider is asked about the payment of this id. If it goes from our wallet to this destination with this "
        "amount, and is no other payment's of ours, it is this one, and what became of it is what becomes of this."
    )
    actions = [Action(path, "It is this one", consequence, value="it_is", asks="What the provider calls it")]
    is_first = said is None or said.provider_id is not None or said.answered_at is not None
    if said is not None and not is_first and (said.agreed_at is not None or said.said_by_id == caller.user_id):
        return actions
    who = "Another operator has to say so too." if is_first else "Another operator says so already."
    consequence = (
        f"{who} The provider is then asked for everything that it paid since, and only if nothing is like this payment "
        "are the funds their owner's again. Look into its dashboard first."
    )
    return [*actions, Action(path, "It was never made", consequence, grave=True, typed=True, value="never_made")]


_RETRIES: Final[Mapping[bool, tuple[str, str]]] = MappingProxyType(
    {
        False: (
            "Send again",
            "Offers the very same bytes to the network again and looks for them. It cannot pay twice.",
        ),
        True: (
            "Ask again",
            "Asks the provider about it. In its first hour the same request may be made again: it cannot pay twice.",
        ),
    }
)
"""The label and consequence of trying again, on a chain and at a provider."""


_REST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "withdrawal": "the held funds are its owner's again.",
        "sweep": "the money still lies on its address, and is swept anew.",
    }
)


def _funding(row: Replenishment) -> list[Action]:
    base = f"/operator/buffers/orders/{row.id}"
    actions = []
    if row.state == "proposed":
        actions.append(Action(f"{base}/approve", "Approve", "You are then shown the address to fund."))
    if row.state in replenishments.CANCELLABLE:
        consequence = "Nobody is asked for these funds any more. What arrives all the same is booked as equity."
        actions.append(Action(f"{base}/cancel", "Cancel this order", consequence, quiet=True, reason=True))
    return actions


def _claim(row: PaymentVerification) -> list[Action]:
    if row.state not in {"uncertain", "rejected"}:
        return []
    consequence = (
        "Every provider is asked about the transaction anew, and the claim is decided by what they answer now."
    )
    return [Action(f"/operator/claims/{row.id}/ask", "Ask its chain again", consequence)]

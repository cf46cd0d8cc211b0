"""Verification of a claimed payment: a pure function of the claim, its rule and what the chain shows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import ClassVar, Final, Literal, NamedTuple

from domain.errors import StrongroomError
from domain.rail_rows import ConfirmationTier, RailRow

DEFAULT_AGE_MAX: Final = timedelta(minutes=20)


class InvalidTransactionHash(StrongroomError):
    """This is not a transaction hash of that chain."""

    code: ClassVar[str] = "invalid_transaction_hash"


class ClaimedTransfer(NamedTuple):
    """One movement of money inside a transaction.

    `place` names it for ever within the transaction. `contract` is the canonical one of its asset, "" the coin;
    `recipient` is the owner who received it, and `sender` whose it was, in the chain's canonical spelling; "" where the
    chain does not name one.
    """

    place: int
    contract: str
    recipient: str
    amount_minor: int
    sender: str = ""


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """What a chain shows of one transaction.

    `is_final` is the chain's own statement; None where only depth tells. `is_immutable`: its hash commits to everything
    that it does, so that it can disappear from the chain but never change.
    """

    succeeded: bool
    block_height: int | None
    block_hash: str
    block_time: datetime | None
    confirmations: int
    is_final: bool | None
    transfers: tuple[ClaimedTransfer, ...]
    is_immutable: bool = False

    def substance(self) -> tuple[object, ...]:
        """The part on which two honest providers cannot differ, however far behind one of them is."""
        return self.succeeded, self.block_height, self.block_hash, self.block_time, self.transfers


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says that they paid: an asset (by its canonical contract), a recipient, an amount.

    `amount_minor` None claims whatever arrived.
    """

    contract: str
    recipient: str
    amount_minor: int | None
    claimed_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """What a payment must satisfy: how exact, how recent, how deep, how large."""

    tolerance_minor: int
    age_max: timedelta
    tiers: Sequence[ConfirmationTier]
    minimum_minor: int = 1

    def confirmations_needed(self, amount_minor: int) -> int:
        """How many confirmations a payment of this amount needs where depth decides; at least one."""
        for tier in self.tiers:
            if tier.below_amount_minor is None or amount_minor < tier.below_amount_minor:
                return max(1, tier.confirmations)
        return max(1, self.tiers[-1].confirmations)


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a claim: `reason` is a stable code, empty when verified; then `transfer` is what was found."""

    state: Literal["verified", "rejected", "uncertain"]
    reason: str = ""
    transfer: ClaimedTransfer | None = None


def decide(
    claim: Claim,
    rule: ClaimRule,
    facts: ClaimFacts | None,
    *,
    doubt: str = "",
    used: Collection[int] = (),
    own: Collection[str] = (),
) -> Decision:
    """Decide about a claim. `facts` None means that nobody could tell, for the reason `doubt`: that never rejects.

    `used` are the places of transfers that another claim, or a deposit, has used up; `own` are the recipient's own
    addresses, for what comes from them is no payment. What may still change is not rejected: it stays uncertain
    ("confirming") until the chain calls it final, or it is deep enough.
    """
    if facts is None:
        return Decision("uncertain", doubt or "not_found")
    found = _matching(claim, rule, facts, used=used, own=own)
    # By the sum that the transaction pays there, so that splitting an amount makes it no shallower.
    paid_minor = sum(one.amount_minor for one in _to_recipient(claim, facts))
    is_deep = is_settled(rule, facts, max(paid_minor, claim.amount_minor or 0))
    if isinstance(found, str):
        is_certain = is_deep or (facts.is_immutable and found in _CONTENT)
        return Decision("rejected", found) if is_certain else Decision("uncertain", "confirming")
    if not is_deep:
        return Decision("uncertain", "confirming")
    if facts.block_time is None:
        return Decision("uncertain", "time_unknown")
    if claim.claimed_at - facts.block_time > rule.age_max:
        return Decision("rejected", "too_old")
    return Decision("verified", transfer=found)


# Reasons that follow from a transaction alone, wherever it is.
_CONTENT: Final = frozenset(
    {"no_such_transfer", "wrong_recipient", "wrong_token", "amount_mismatch", "below_minimum", "moved_by_the_house"}
)
REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "failed_on_chain": "The transaction failed: it moved nothing.",
        "no_such_transfer": "The transaction moves neither this asset nor anything to that address.",
        "wrong_recipient": "The transaction pays this asset to somebody else.",
        "wrong_token": "The transaction pays that address in another asset, whatever its symbol says.",
        "amount_mismatch": "The transaction pays another amount.",
        "below_minimum": "The transaction pays less than the smallest amount that is credited.",
        "too_old": "The payment was made too long before it was claimed.",
        "already_used": "This payment was already credited, by another claim or as a deposit.",
        "moved_by_the_house": "The house moved this between its own accounts: it is not a payment.",
        "not_found": "The transaction has not been found on the chain yet.",
        "confirming": "The transaction is not final yet.",
        "time_unknown": "The time of the payment is not known yet.",
        "provider_failed": "The chain could not be queried, or its answer could not be read.",
        "providers_disagree": "The chain's data providers contradict each other.",
        "quorum_missed": "Too few of the chain's data providers have found the transaction.",
        "evidence_missing": "The stored answers are not enough to decide.",
        "sender_not_screened": "An operator has to check the sender before it is credited.",
        "not_configured": "No data provider is configured for this chain.",
    }
)
"""Every reason why a claim is rejected or uncertain, in words."""


def _matching(
    claim: Claim, rule: ClaimRule, facts: ClaimFacts, *, used: Collection[int], own: Collection[str]
) -> ClaimedTransfer | str:
    """The transfer that satisfies the claim, closest in amount; or the reason why none does."""
    if not facts.succeeded:
        return "failed_on_chain"
    right = _to_recipient(claim, facts)
    if not right:
        return _why_not(claim, facts)
    paid = [one for one in right if one.sender not in own]
    if not paid:
        return "moved_by_the_house"
    free = [one for one in paid if one.place not in used]
    if not free:
        return "already_used"
    expected_minor = claim.amount_minor
    if expected_minor is not None:
        free = [one for one in free if abs(one.amount_minor - expected_minor) <= rule.tolerance_minor]
    if not free:
        return "amount_mismatch"
    best = min(free, key=lambda one: (abs(one.amount_minor - (expected_minor or one.amount_minor)), one.place))
    return best if best.amount_minor >= max(1, rule.minimum_minor) else "below_minimum"


def _to_recipient(claim: Claim, facts: ClaimFacts) -> list[ClaimedTransfer]:
    return [one for one in facts.transfers if one.contract == claim.contract and one.recipient == claim.recipient]


def _why_not(claim: Claim, facts: ClaimFacts) -> str:
    if any(one.recipient == claim.recipient for one in facts.transfers):
        return "wrong_token"
    if any(one.contract == claim.contract for one in facts.transfers):
        return "wrong_recipient"
    return "no_such_transfer"


def is_settled(rule: ClaimRule, facts: ClaimFacts, amount_minor: int) -> bool:
    """Whether the chain calls this final or, where it does not say, whether it is deep enough for this amount."""
    if facts.block_height is None:
        return False
    if facts.is_final is not None:
        return facts.is_final
    return facts.confirmations >= rule.confirmations_needed(amount_minor)


def parse_transaction_hash(text: object, rail: RailRow) -> str:
    """The canonical spelling of a transaction's hash on this rail, checked before anybody is asked about it.

    Raises InvalidTransactionHash.
    """
    spelled = rail.hashes.parse(text) if rail.hashes is not None and isinstance(text, str) else None
    if spelled is None:
        reason = f"is not the hash of a transaction on {rail.name}"
        raise InvalidTransactionHash(f"tx_hash: {reason}", fields={"tx_hash": [reason]})
    return spelled

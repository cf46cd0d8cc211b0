"""Sentences about flows: what happened, what it means, and what comes next."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from api.pages.wording import THIN_SPACE, about, counted, middle, spoken
from domain.flows import FLOW_KINDS
from domain.money import format_amount
from domain.rails import RAILS
from models.payout_assertion import PayoutAssertion
from models.payout_made_after_all import PayoutMadeAfterAll
from services import payouts

WAITING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "insufficient_hot_funds": (
            "The hot wallet holds too little to pay this now. It is sent as soon as the wallet is refilled."
        ),
        "fee_above_cap": "The network's fee is above the cap just now. It is sent as soon as fees fall.",
        "wallet_locked": "The wallet is locked. It is sent as soon as an operator unlocks it.",
        "wallet_not_loaded": "The node has not loaded its wallet. It is sent as soon as it has.",
        "node_refused": "The node does not answer. It is sent as soon as it does.",
        "node_timeout": "The node did not answer in time. It is tried again shortly.",
        "node_busy": "The node is busy. It is tried again shortly.",
        "node_lagging": "The node is behind its chain. It is sent as soon as the node has caught up.",
        "node_error": "The node refused with an error that an operator has to look at. It is tried again.",
        "fee_unknown": "The node cannot tell what a fee should be just now. It is tried again shortly.",
        "node_warming_up": "The node is starting. It is sent as soon as it is ready.",
        "node_unauthorised": "The node refuses our credentials. It is sent as soon as an operator has corrected them.",
        "node_wrong_chain": "The node is on another chain. It is sent as soon as an operator has corrected that.",
        "provider_unknown": "Its provider has no record of it, which proves nothing. It is asked again.",
        "withdrawals_paused": "An operator has paused withdrawals. It is sent as soon as they are resumed.",
    }
)
"""Why an approved withdrawal has not been sent, by code."""

_ENDED: Final = ("rejected", "cancelled", "failed")
_HELD_UNTIL_THEN: Final = ("withdrawal", "conversion")
"""The kinds of flow that hold funds and release them when they fail."""
_KIND_WORDS: Final[Mapping[str, str]] = MappingProxyType({"internal_transfer": "transfer", "verification": "claim"})
CAME_BACK: Final = "It was sent, and its provider says that it came back. An operator gives the funds back."
RETURNED: Final = "It was sent and came back. What it took was given back."
MADE_AFTER_ALL: Final = (
    "It failed and the funds went back, and its provider says that it was made all the same. An operator settles it."
)
CAME_BACK_SINCE: Final = "Its provider says that it came back since. An operator books that."
_BORNE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lost": "It failed and the funds went back, and it was made all the same. Suspense carries it, not its owner.",
        "recovered": "It failed and the funds went back, and it was made all the same. What it takes was taken since.",
    }
)
_BOOKING_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "deposit_credit": "deposit",
        "deposit_reversal": "deposit taken back: its block left the chain",
        "internal_transfer": "transfer",
        "withdrawal_returned": "withdrawal that came back",
        "withdrawal_made_after_all": "withdrawal that had failed and was made after all",
    }
)
_CONVERSION_PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {"conversion_income": "conversion fee", "conversion_spread": "conversion spread"}
)


def deposit(state: str, confirmations: int, needed: int, chain: str) -> str:
    """The state of a deposit: "Seen on the network. 1 of 3 confirmations. Yours in about 20 minutes."."""
    if state not in {"seen", "confirming"}:
        return FLOW_KINDS["deposit"].states[state].sentence
    where = "Seen on the network" if state == "seen" else "In a block"
    return f"{where}. {progress(confirmations, needed)}. {_yours_when(confirmations, needed, chain)}"


def progress(confirmations: int, needed: int) -> str:
    """The progress of a deposit: "1 of 3 confirmations"."""
    return f"{min(confirmations, needed)} of {counted(needed, 'confirmation')}"


def withdrawal(state: str, waiting_reason: str | None) -> str:
    """The state of a withdrawal, with the reason if it has to wait."""
    sentence = FLOW_KINDS["withdrawal"].states[state].sentence
    if waiting_reason == payouts.MADE_AFTER_ALL:
        return MADE_AFTER_ALL
    return f"{sentence} {waiting(waiting_reason)}" if waiting_reason and state in {"approved", "signed"} else sentence


def made_after_all(row: PayoutMadeAfterAll, usual: str) -> str:
    """The state of a failed payment while its provider reports it as made; else the usual words."""
    if row.settled_how is not None:
        return _BORNE[row.settled_how] if row.said != "failed" else f"{_BORNE[row.settled_how]} {CAME_BACK_SINCE}"
    return MADE_AFTER_ALL if row.said != "failed" else usual


def waiting(code: str) -> str:
    """Why an approved withdrawal has not been sent."""
    return WAITING.get(code, f"It cannot leave yet: {spoken(code)}. It is tried again until it can.")


def meaning(kind: str, state: str) -> str:
    """The meaning of a flow for its owner."""
    if kind in _HELD_UNTIL_THEN and state in _ENDED:
        return "ended"
    if kind == "withdrawal" and state == "completed":
        return "sent"
    return FLOW_KINDS[kind].states[state].meaning


def word(kind: str, state: str) -> str:
    """The word beside the icon, if it is not the meaning's own."""
    return state if kind in _HELD_UNTIL_THEN and state in _ENDED else ""


def kind_word(kind: str) -> str:
    """The name of a kind of flow."""
    return _KIND_WORDS.get(kind, spoken(kind))


def booking(kind: str, counter_code: str) -> str:
    """The purpose of an entry: the kind of its ledger transaction, and the fee if it was one."""
    if counter_code == "withdrawal_fees":
        return "withdrawal fee"
    if counter_code in _CONVERSION_PARTS:
        return _CONVERSION_PARTS[counter_code]
    return _BOOKING_WORDS.get(kind, spoken(kind))


def tiers(confirmation_tiers: list[Any], decimals: int, symbol: str) -> str:
    """The confirmation tiers: "1 confirmation below 0.1 BTC, 3 below 1 BTC, otherwise 6"."""
    parts: list[str] = []
    for below_minor, confirmations in confirmation_tiers:
        count = counted(int(confirmations), "confirmation") if not parts else str(confirmations)
        if below_minor is None:
            parts.append(f"otherwise {count}" if parts else count)
        else:
            spelled = format_amount(int(below_minor), decimals).rstrip("0").rstrip(".")
            parts.append(f"{count} below {spelled}{THIN_SPACE}{symbol}")
    return ", ".join(parts)


def actor(name: str) -> str:
    """The actor of a step, from its recorded name: "user:0a1b2c3d4e" → "user 0a1b2c3d4e"."""
    kind, _, rest = name.partition(":")
    return {"task": f"by itself ({rest})", "cli": "on the command line"}.get(kind, f"{kind} {rest}".strip())


def said(row: PayoutAssertion) -> str:
    """The operators' assertion on a payment, and what its provider reports."""
    who = actor(row.said_by) + (f" and {actor(row.agreed_by)}" if row.agreed_by else "")
    what = f"it is {row.provider_id}" if row.provider_id else "it was never made"
    waits = "the provider is asked" if row.provider_id or row.agreed_by else "another operator has to say so too"
    answer = "that is so" if row.is_upheld else row.answer or waits
    return f"{who}: {what}; {answer}"


def destination(address: str) -> str:
    """A destination in a list."""
    return f"to {middle(address, head=8, tail=7)}"


def _yours_when(confirmations: int, needed: int, chain: str) -> str:
    left = max(needed - confirmations, 1)
    rail = RAILS.get(chain)
    if rail is None or rail.is_private:
        # A private chain mines a block on request.
        return f"Yours after {'the next block' if left == 1 else f'{left} more blocks'}."
    return f"Yours in {about(rail.block_interval * left)}."

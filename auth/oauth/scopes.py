"""Scopes: what an app may be allowed, by resource and action, each with a text for the person who consents."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Scope:
    """One permission that a user can grant an app. A spending scope comes with a limit per day."""

    name: str
    words: str
    spends: bool = False


SCOPES: Final[dict[str, Scope]] = {
    scope.name: scope
    for scope in (
        Scope("openid", "Recognise you: it learns an identifier that is yours in this house."),
        Scope("profile:read", "See your public key and your name."),
        Scope("wallet:read", "See your balances and your history."),
        Scope("deposits:read", "See your deposits and your deposit addresses."),
        Scope("deposits:create", "Ask for new deposit addresses for you."),
        Scope("withdrawals:read", "See your withdrawals and where they went."),
        Scope("withdrawals:create", "Send money out of your account, up to your limit.", spends=True),
        Scope("verifications:read", "See the payments that were claimed for you through it."),
        Scope("verifications:create", "Claim for you that a payment was made, to be looked up on its chain."),
        Scope("conversions:read", "See what you converted, and what is converted into what here."),
        Scope("conversions:create", "Convert one asset of yours into another, up to your limit.", spends=True),
        Scope("transfers:create", "Send money to other people of this house, up to your limit.", spends=True),
    )
}


def parse(text: str) -> tuple[str, ...]:
    """The scopes in a space-separated list, in our order and each once; unknown ones last, in their order."""
    asked = dict.fromkeys(text.split())
    return (*(name for name in SCOPES if name in asked), *(name for name in asked if name not in SCOPES))


def unknown(text: str) -> bool:
    """Whether a list names an unknown scope."""
    return any(name not in SCOPES for name in text.split())


def spell(names: Iterable[str]) -> str:
    """Scopes as one text, in our order."""
    return " ".join(parse(" ".join(names)))


def covers(granted: str, asked: str) -> bool:
    """Whether every scope asked for was granted."""
    return set(asked.split()) <= set(granted.split())


def may_spend(text: str) -> bool:
    """Whether a list contains a spending scope."""
    return any(SCOPES[name].spends for name in text.split() if name in SCOPES)

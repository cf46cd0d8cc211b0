"""How an alert moves between its states: held before it fires and before it clears, never cleared by lack of data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

Outcome = Literal["bad", "good", "unknown"]
State = Literal["normal", "pending", "firing", "recovering"]
News = Literal["raise", "clear"]

STANDS: Final = frozenset({"firing", "recovering"})
"""The states in which an alert was raised and has not been cleared."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one evaluation says about one scope, with a sentence for people.

    `beside` are fingerprints of other alerts that, if they stand, explain this finding.
    """

    scope: str
    outcome: Outcome
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    asset_id: str | None = None
    tx_hash: str | None = None
    beside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """The state of an alert after an evaluation, since when, and whether that raises or clears it."""

    state: State
    since: datetime
    news: News | None = None


def step(
    state: State, since: datetime, outcome: Outcome, *, now: datetime, hold_for: timedelta, clear_for: timedelta
) -> Step:
    """Move an alert by one evaluation.

    It fires after `hold_for` of bad readings with no good one between them, and clears after `clear_for` of good
    readings with no bad or unknown one between them. An unknown reading by itself raises nothing and clears nothing.
    """
    if outcome == "bad":
        return _worse(state, since, now, hold_for)
    if outcome == "good":
        return _better(state, since, now, clear_for)
    return Step("firing", now) if state == "recovering" else Step(state, since)


def _worse(state: State, since: datetime, now: datetime, hold_for: timedelta) -> Step:
    if state in STANDS:
        return Step("firing", since if state == "firing" else now)
    begun = since if state == "pending" else now
    if now - begun >= hold_for:
        return Step("firing", now, "raise")
    return Step("pending", begun)


def _better(state: State, since: datetime, now: datetime, clear_for: timedelta) -> Step:
    if state not in STANDS:
        return Step("normal", now)
    begun = since if state == "recovering" else now
    if now - begun >= clear_for:
        return Step("normal", now, "clear")
    return Step("recovering", begun)

"""What is asked of the providers of a chain about a claimed payment, and what is kept of their answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.rail_rows import RailRow
from domain.verification import ClaimFacts


@dataclass(frozen=True, slots=True)
class ClaimQuestion:
    """Which transaction, and which contracts are money there: each with the canonical one of its asset.

    `recipient` is whom it is said to have paid: a token's word about what they received may have to be compared with
    what they hold.
    """

    tx_hash: str
    contracts: Mapping[str, str]
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to one provider and what came back, as it was, without addresses' keys.

    `answer` is JSON text; None when none came, for the reason in `failure`.
    """

    provider: str
    request: str
    status: int
    answer: str | None
    failure: str
    asked_at: datetime
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What the providers showed together: facts, or the doubt that keeps them from being any; and the evidence."""

    facts: ClaimFacts | None
    doubt: str
    exchanges: tuple[Exchange, ...]


class ClaimReader(Protocol):
    """The providers of one chain. Neither method raises for anything that a provider does."""

    @property
    def rail(self) -> RailRow:
        """The chain."""
        ...

    def read(self, question: ClaimQuestion) -> Reading:
        """Ask the providers, the next where one fails, until as many agree as have to."""
        ...

    def reread(self, question: ClaimQuestion, exchanges: Sequence[Exchange]) -> Reading:
        """Understand stored answers again, and ask nobody."""
        ...

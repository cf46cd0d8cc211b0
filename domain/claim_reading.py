"""What the providers of a chain are asked about a claimed payment, and what is kept of their answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.rail_rows import RailRow
from domain.verification import ClaimFacts


@dataclass(frozen=True, slots=True)
class ClaimQuestion:
    """A transaction to look up, and the contracts that count as money there: each with its asset's canonical contract.

    `recipient` is the address that the claim says was paid: what a token's event reports may have to be compared with
    its balance.
    """

    tx_hash: str
    contracts: Mapping[str, str]
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to one provider and its answer as it came, with access keys removed.

    `answer` is JSON text; None when there was none, for the reason in `failure`.
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
    """What the providers showed together: facts, or the doubt that prevents them, with the evidence for either."""

    facts: ClaimFacts | None
    doubt: str
    exchanges: tuple[Exchange, ...]


class ClaimReader(Protocol):
    """The providers of one chain. Neither method raises, whatever a provider does."""

    @property
    def rail(self) -> RailRow:
        """The chain."""
        ...

    def read(self, question: ClaimQuestion) -> Reading:
        """Ask provider after provider until as many agree as are required."""
        ...

    def reread(self, question: ClaimQuestion, exchanges: Sequence[Exchange]) -> Reading:
        """Interpret stored answers again, without asking anybody."""
        ...

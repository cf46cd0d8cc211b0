"""The providers of one chain as one, with fail-over and a quorum."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from adapters.verification.asking import Ask, EvidenceMissing, ProviderFailed, Remembered
from adapters.verification.provider import Asked, Provider, connections
from domain.claim_reading import ClaimQuestion, Exchange, Reading
from domain.errors import StrongroomError, ensure
from domain.rail_rows import RailRow
from domain.verification import ClaimFacts

log = structlog.get_logger(__name__)

Read = Callable[[ClaimQuestion, Ask], ClaimFacts | None]
"""What one provider shows of a transaction; None when it does not know it. Raises ProviderFailed."""
# Raised where JSON is not as its documentation says. StrongroomError: an address or amount that our own parsers
# refuse; OSError: a timestamp out of range.
_UNREADABLE = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError, StrongroomError,
)  # fmt: skip
AMOUNT_MAX: Final = 10**60
"""No supply is as large, and a few such amounts would exceed what the books can hold."""


class FailOverReader:
    """Asks providers in their order (implements `domain.claim_reading.ClaimReader`).

    `quorum` of them must agree on the substance; with 1 the first that knows the transaction decides.
    """

    def __init__(self, rail: RailRow, read: Read, providers: Sequence[Provider], *, quorum: int = 1) -> None:
        ensure(1 <= quorum <= len(providers), "there are as many providers as have to agree")
        self.rail = rail
        self._read = read
        self._providers = tuple(providers)
        self._quorum = quorum
        self._http = connections()

    def __repr__(self) -> str:
        return f"FailOverReader({self.rail.chain}, {len(self._providers)} providers, quorum {self._quorum})"

    def read(self, question: ClaimQuestion) -> Reading:
        """Ask providers until a quorum agrees."""
        names = [f"{place} {provider.name}" for place, provider in enumerate(self._providers, 1)]
        asked = [
            (name, Asked(name, provider, self._http)) for name, provider in zip(names, self._providers, strict=True)
        ]
        facts, doubt = self._gather(question, asked)
        return Reading(facts, doubt, tuple(exchange for _, one in asked for exchange in one.exchanges))

    def reread(self, question: ClaimQuestion, exchanges: Sequence[Exchange]) -> Reading:
        """Interpret stored answers again; a missing one leaves a doubt."""
        names = dict.fromkeys(exchange.provider for exchange in exchanges)
        asked = [(name, Remembered([one for one in exchanges if one.provider == name])) for name in names]
        facts, doubt = self._gather(question, asked)
        return Reading(facts, doubt, tuple(exchanges))

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _gather(self, question: ClaimQuestion, asked: Iterable[tuple[str, Ask]]) -> tuple[ClaimFacts | None, str]:
        found: list[ClaimFacts] = []
        doubts: list[str] = []
        for name, ask in asked:
            try:
                facts = _believable(self._read(question, ask))
            except EvidenceMissing as fault:
                log.warning("verification_evidence_missing", provider=name, reason=str(fault))
                doubts.append("evidence_missing")
            except (ProviderFailed, *_UNREADABLE) as fault:
                log.warning(
                    "verification_provider_failed", provider=name, reason=f"{type(fault).__name__}: {fault}"[:200]
                )
                doubts.append("provider_failed")
            else:
                log.info("verification_provider_answered", provider=name, knows_it=facts is not None)
                if facts is None:
                    doubts.append("not_found")
                    continue
                found.append(facts)
                agreeing = [one for one in found if one.substance() == facts.substance()]
                if len(agreeing) >= self._quorum:
                    return _least(agreeing), ""
        if len({one.substance() for one in found}) > 1:
            return None, "providers_disagree"
        if found:
            return None, "quorum_missed"
        # A provider that found nothing is worth more than one that could not be asked.
        return None, next((one for one in ("not_found", "evidence_missing") if one in doubts), "provider_failed")


def _believable(facts: ClaimFacts | None) -> ClaimFacts | None:
    """These facts, if their types and ranges are right: JSON may hold text or `true` in place of a number.

    Raises ProviderFailed.
    """
    if facts is None:
        return None
    numbers = [facts.confirmations, 0 if facts.block_height is None else facts.block_height]
    for one in facts.transfers:
        numbers += [abs(one.place), one.amount_minor]
        if not all(isinstance(word, str) for word in (one.contract, one.recipient)):
            raise ProviderFailed("it tells of a transfer whose asset or recipient is no text")
    if not all(type(number) is int and 0 <= number < AMOUNT_MAX for number in numbers):
        raise ProviderFailed("it tells of a number that is none, or of more than there can be")
    return facts


def _least(agreeing: Sequence[ClaimFacts]) -> ClaimFacts:
    """What all of them agree on: the lowest number of confirmations, and final only if all say so."""
    finals = [one.is_final for one in agreeing]
    return replace(
        agreeing[0],
        confirmations=min(one.confirmations for one in agreeing),
        is_final=None if None in finals else all(finals),
    )

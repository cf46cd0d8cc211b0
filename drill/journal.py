"""What the world outside did and asked for, kept apart from the house: what its books are judged by."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

Purse = tuple[UUID, str]
"""Somebody's balance of one asset: (user, asset)."""
AskedKind = Literal["withdrawal", "transfer", "claim"]
CREATED: Final = 201


@dataclass(frozen=True, slots=True)
class PaidIn:
    """A payment to an address of somebody, which is to be credited once. `reference` is the chain's or provider's."""

    reference: str
    user_id: UUID
    asset_id: str
    amount_minor: int

    @property
    def purse(self) -> Purse:
        """Whose balance it belongs to."""
        return self.user_id, self.asset_id


@dataclass(slots=True)
class Asked:
    """A request that moves money, under its Idempotency-Key, and the first definite answer to it.

    `to` is where a withdrawal goes, who gets a transfer, or which transaction is claimed. `status` is None until it was
    answered: the request may or may not have been taken.
    """

    kind: AskedKind
    key: str
    user_id: UUID
    asset_id: str
    amount_minor: int
    to: str
    body: dict[str, Any]
    status: int | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    repeats: int = 0
    """How often it was sent again because nobody answered."""

    @property
    def purse(self) -> Purse:
        """Whose balance it takes from, or is to go to."""
        return self.user_id, self.asset_id

    @property
    def was_taken(self) -> bool:
        """Whether the house said that it will do it, or has done it."""
        return self.status == CREATED


class Journal:
    """All of that, in the order in which it happened. Safe to use from several threads."""

    def __init__(self) -> None:
        self.opening: Counter[Purse] = Counter()
        """What people owned before the first event."""
        self.paid_in: list[PaidIn] = []
        self.asked: list[Asked] = []
        self.decided: dict[str, bool] = {}
        """Where the world itself decided of a withdrawal: whether it paid that destination."""
        self._lock = threading.Lock()

    def pays_in(self, paid: PaidIn) -> None:
        """Somebody was paid."""
        with self._lock:
            self.paid_in.append(paid)

    def asks(self, asked: Asked) -> Asked:
        """Somebody is about to ask for this: kept before it is sent, for the answer may never come."""
        with self._lock:
            self.asked.append(asked)
        return asked

    def decides(self, destination: str, *, paid: bool) -> None:
        """A provider has decided whether this destination is paid."""
        with self._lock:
            self.decided[destination.lower()] = paid

    def of_kind(self, kind: AskedKind) -> list[Asked]:
        """All requests of one kind."""
        with self._lock:
            return [asked for asked in self.asked if asked.kind == kind]

    def counts(self) -> dict[str, int]:
        """How much happened, for the report."""
        with self._lock:
            said = Counter(f"{asked.kind}s" for asked in self.asked if asked.was_taken)
            refused = sum(asked.status is not None and not asked.was_taken for asked in self.asked)
            return {
                "payments_in": len(self.paid_in),
                **dict(sorted(said.items())),
                "refused": refused,
                "repeated": sum(asked.repeats for asked in self.asked),
            }

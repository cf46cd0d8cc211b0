"""Store what providers answered, and read it back."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from domain.claim_reading import Exchange
from models.verification import VerificationExchange

_FIELDS = ("provider", "request", "status", "answer", "failure", "asked_at", "duration_ms")


def keep(session: Session, verification_id: UUID, attempt: int, exchanges: Sequence[Exchange]) -> None:
    """Store the exchanges of one look at the chain, unless they are the same as those stored last.

    Otherwise a claim of a large unconfirmed transaction would store it every minute for a day.
    """
    before = exchanges_of(session, verification_id) if attempt > 1 else []
    if exchanges and list(map(_said, exchanges)) != list(map(_said, before)):
        rows = [
            {"verification_id": verification_id, "attempt": attempt, **{name: getattr(one, name) for name in _FIELDS}}
            for one in exchanges
        ]
        session.execute(insert(VerificationExchange), rows)


def exchanges_of(session: Session, verification_id: UUID) -> Sequence[Exchange]:
    """The exchanges of the last look at the chain that showed something new, in order."""
    last = select(func.max(VerificationExchange.attempt)).where(VerificationExchange.verification_id == verification_id)
    rows = session.scalars(
        select(VerificationExchange)
        .where(VerificationExchange.verification_id == verification_id)
        .where(VerificationExchange.attempt == last.scalar_subquery())
        .order_by(VerificationExchange.id)
    )
    return [Exchange(**{name: getattr(row, name) for name in _FIELDS}) for row in rows]


def _said(one: Exchange) -> tuple[object, ...]:
    return one.provider, one.request, one.status, one.answer, one.failure

"""Accepting what others ask for at the same moment too: a decision that is its own transaction."""

from sqlalchemy.exc import IntegrityError

from domain.actor import Actor
from domain.crash import crash_point
from models.withdrawal import Withdrawal
from services.idempotency import Answer, Asked
from services.withdrawals import together
from services.withdrawals.terms import Terms
from wiring.container import Container


def accept(parts: Container, terms: Terms, withdrawal: Withdrawal, *, asked: Asked, answer: Answer, by: Actor) -> bool:
    """Let a withdrawal begin, with its funds held and this answer under its key; it is on disk when this returns.

    False when something stands against it, and nothing has happened: it is to be asked for in a transaction of its own,
    which says what. Raises SQLAlchemy's DBAPIError; after a connection that broke, its key answers what became of it.
    """
    try:
        accepted = together.ACCEPT.rows(
            parts.engine, together.question(terms, withdrawal, asked=asked, answer=answer, by=by)
        )
    except IntegrityError:
        # Somebody was faster under the same key, at this very moment.
        return False
    if not accepted:
        return False
    crash_point("withdrawal.accepted")
    if withdrawal.state == "approved":
        parts.publisher.wake(frozenset({together.PROMISED}))
    return True

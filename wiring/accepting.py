"""Accept a withdrawal in one batch with simultaneous requests, in a transaction of its own."""

from sqlalchemy.exc import IntegrityError

from domain.actor import Actor
from domain.crash import crash_point
from models.withdrawal import Withdrawal
from services.idempotency import Answer, Asked
from services.withdrawals import together
from services.withdrawals.terms import Terms
from wiring.container import Container


def accept(parts: Container, terms: Terms, withdrawal: Withdrawal, *, asked: Asked, answer: Answer, by: Actor) -> bool:
    """Accept a withdrawal: hold its funds and store this answer under its key. It is durable when this returns.

    False, and nothing has changed, if it is not the usual case: request it in a transaction of its own, which names the
    refusal. Raises SQLAlchemy's DBAPIError; if the connection broke, repeating the key returns the outcome.
    """
    try:
        accepted = together.ACCEPT.rows(
            parts.engine, together.question(terms, withdrawal, asked=asked, answer=answer, by=by)
        )
    except IntegrityError:
        # Another request with the same key was faster.
        return False
    if not accepted:
        return False
    crash_point("withdrawal.accepted")
    if withdrawal.state == "approved":
        parts.publisher.wake(frozenset({together.PROMISED}))
    return True

"""Posting what nothing else has to commit with: the decision is its own transaction."""

from functools import partial

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.ledger import Outcome, Transaction
from services import ledger
from services.ledger import plain


def post_alone(engine: Engine, transaction: Transaction) -> Outcome:
    """Post one transaction; it is on disk when this returns.

    A plain transfer takes one round trip, which is also its commit. Whatever there is to decide (a known key, a
    refusal, several legs) is decided in a transaction like any other. Raises SQLAlchemy's DBAPIError; after a
    connection that broke, ask again with the same key: it answers what became of it.
    """
    outcome = plain.attempt(transaction, partial(plain.TRANSFER.alone, engine))
    if outcome is not None:
        return outcome
    with Session(engine) as session, session.begin():
        return ledger.post(session, [transaction])[0]

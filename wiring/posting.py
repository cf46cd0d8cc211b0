"""Post a ledger transaction that nothing else has to commit with: it is a database transaction of its own."""

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.ledger import Outcome, Transaction
from services import ledger
from services.ledger import fast_path


def post_alone(engine: Engine, transaction: Transaction) -> Outcome:
    """Post one transaction; it is on disk when this returns.

    A plain transfer, or holds on one account, take one round trip, which is also their commit. Anything that needs a
    decision (a known key, a refusal, other legs) is posted in an ordinary transaction. Raises SQLAlchemy's DBAPIError;
    after a broken connection, post again with the same key: it answers what became of it.
    """
    outcome = fast_path.attempt(transaction, lambda said, parameters: said.alone(engine, *parameters))
    if outcome is not None:
        return outcome
    with Session(engine) as session, session.begin():
        return ledger.post(session, [transaction])[0]

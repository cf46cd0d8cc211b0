"""How tests have PostgreSQL show which index fits a question, where a table is so small that it would be read whole."""

from sqlalchemy import text
from sqlalchemy.orm import Session


def use_indexes(session: Session) -> None:
    """Price reading whole tables out until the transaction ends, also for what the connection has planned before.

    The server looks at tables whenever it likes, and what it planned for one of a single page is to read that.
    """
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("DISCARD PLANS"))

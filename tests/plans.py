"""Have PostgreSQL plan with indexes although tables in tests are small enough to be read whole."""

from sqlalchemy import text
from sqlalchemy.orm import Session


def use_indexes(session: Session) -> None:
    """Make sequential scans expensive until the transaction ends, also for statements that the connection has planned.

    The server looks at tables whenever it likes, and what it planned for one of a single page is to read that.
    """
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("DISCARD PLANS"))

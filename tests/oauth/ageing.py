"""Age stored rows, or stop the clock for simultaneous requests."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text

from tests.api.house import House


def age(house: House, table: str, column: str, by: timedelta) -> None:
    """Move a stored time into the past."""
    with house.container.transaction() as session:
        session.execute(text(f"UPDATE {table} SET {column} = {column} - CAST(:by AS interval)"), {"by": by})


def still(house: House) -> House:
    """The same installation with a stopped clock: on a busy machine, fifty simultaneous requests take many seconds."""
    now = house.container.now()
    return House(replace(house.container, clock=lambda: now))


def audited(house: House, event: str) -> int:
    """How often an event is in the audit log."""
    with house.container.reading() as session:
        statement = text("SELECT count(*) FROM audit_logs WHERE event = :event")
        return session.scalar(statement, {"event": event}) or 0

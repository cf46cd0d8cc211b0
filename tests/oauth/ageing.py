"""Let time pass for what is kept, or stand still for who comes at one moment."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text

from tests.api.house import House


def age(house: House, table: str, column: str, by: timedelta) -> None:
    """Move a moment into the past."""
    with house.container.transaction() as session:
        session.execute(text(f"UPDATE {table} SET {column} = {column} - CAST(:by AS interval)"), {"by": by})


def still(house: House) -> House:
    """The same house at this very moment: on a busy machine, fifty who come at once come within many seconds."""
    now = house.container.now()
    return House(replace(house.container, clock=lambda: now))


def audited(house: House, event: str) -> int:
    """How often an event is on the audit log."""
    with house.container.reading() as session:
        statement = text("SELECT count(*) FROM audit_logs WHERE event = :event")
        return session.scalar(statement, {"event": event}) or 0

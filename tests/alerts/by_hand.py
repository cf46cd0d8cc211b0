"""Check that a test which causes an alert writes no rows itself that a process of the installation would write.

A row is written by the code that contains the statement. If that is a test's, or the basic write function of a table
called by a test, the state that a rule reads was invented, not caused. What operators configure, and what an attacker
tampers with, tests may write directly.
"""

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import psycopg2
import psycopg2.extensions
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

ROOT: Final = Path(__file__).resolve().parents[2]
SET_BY_PEOPLE: Final = frozenset({"assets", "users", "withdrawal_policies"})
TAMPERED_WITH: Final = frozenset({"ledger_transfers", "ledger_accounts"})
PLAIN_WRITERS: Final = frozenset(
    f"services/{name}.py" for name in ("traffic", "flows", "heartbeats", "log_lines", "audit", "alerts/transitions")
)
"""Modules that record what they are given: only their caller can know whether it happened."""
BESIDE: Final[Mapping[str, frozenset[str]]] = {
    # What is told to the endpoint is not what it fails by.
    "webhook_disabled": frozenset({"flows", "flow_events"}),
}
"""What the test of a code may write all the same, each with its reason."""
_WRITTEN: Final = re.compile(
    r'\b(?:INSERT INTO|DELETE FROM|(?<!FOR )UPDATE)\s+(?!SET\b)(?:ONLY\s+)?"?(\w+)', re.IGNORECASE
)
_FREE: Final = SET_BY_PEOPLE | TAMPERED_WITH
_FLUSH: Final = "sqlalchemy/orm/unitofwork.py"


@contextmanager
def watched(codes: Collection[str]) -> Iterator[list[str]]:
    """The rows that a test causing these alerts writes itself: each as the table and the place in the test."""
    found: list[str] = []
    free = _FREE.union(*(BESIDE.get(code, ()) for code in codes))

    def look(table: str) -> None:
        place = None if table in free else _place(sys._getframe(1))
        if place is not None and f"{table} in {place}" not in found:
            found.append(f"{table} in {place}")

    def of_statement(statement: object) -> None:
        text = statement.decode() if isinstance(statement, bytes) else str(statement)
        for table in set(_WRITTEN.findall(text)):
            look(table)

    def executed(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        of_statement(statement)

    def added(_session: object, row: Any) -> None:
        look(row.__tablename__)

    class Cursor(psycopg2.extensions.cursor):
        def execute(self, query: Any, vars: Any = None) -> None:  # noqa: A002 - psycopg2's own name
            of_statement(query)
            super().execute(query, vars)

    connect = psycopg2.connect

    def connected(*args: Any, **named: Any) -> Any:
        # A connection of the house has cursors of its own kind, and what they say is heard by the engine's event.
        if "connection_factory" not in named:
            named["cursor_factory"] = Cursor
        return connect(*args, **named)

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Session, "transient_to_pending", added)
    try:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(psycopg2, "connect", connected)
            yield found
    finally:
        event.remove(Engine, "before_cursor_execute", executed)
        event.remove(Session, "transient_to_pending", added)


def _place(frame: FrameType | None) -> str | None:
    """The place in the tests that a statement comes from; None if it comes from the application."""
    while frame is not None:
        name = frame.f_code.co_filename
        if name.endswith(_FLUSH):
            return None  # what was added was looked at when it was
        path = Path(name)
        if name != __file__ and path.is_relative_to(ROOT) and ".venv" not in path.parts:
            place = path.relative_to(ROOT).as_posix()
            if place not in PLAIN_WRITERS:
                return f"{place}:{frame.f_lineno}" if place.startswith("tests/") else None
        frame = frame.f_back
    return None

"""A line of the audit log as part of the statement that it tells of, for decisions that are one statement."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {"actor": "text", "address": "text", "user_agent": "text", "request_id": "text", "detail": "jsonb"}
)
"""What a line tells besides who did what when, with its types."""


def line(source: str, event: str) -> str:
    """SQL that adds one line of a success for each row of `source`, a part of the same WITH.

    That has COLUMNS, and `at` and `user_id`.
    """
    columns = ", ".join(COLUMNS)
    return f"""
    INSERT INTO audit_logs (at, event, user_id, success, {columns})
    SELECT at, '{event}', user_id, true, {columns} FROM {source}
    """  # noqa: S608 - names of ours

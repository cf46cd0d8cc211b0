"""A line of the audit log as part of the statement that it tells of, for decisions that are one statement."""

from typing import Final

PARAMETERS: Final = "text, text, text, text, jsonb"
"""The types of a line's own parameters: actor, address, user agent, request id, detail."""


def line(source: str, event: str, *, at: str, user_id: str, first: int) -> str:
    """SQL that adds one line of a success for each row of `source`, a part of the same WITH.

    `at` and `user_id` are expressions; `first` is the number of the first of the line's own parameters, which are of
    the types PARAMETERS. Everything but the parameters' values is ours.
    """
    actor, address, user_agent, request_id, detail = (f"${first + place}" for place in range(5))
    return f"""
    INSERT INTO audit_logs (at, event, user_id, actor, success, address, user_agent, request_id, detail)
    SELECT {at}, '{event}', {user_id}, {actor}, true, {address}, {user_agent}, {request_id}, {detail} FROM {source}
    """  # noqa: S608
